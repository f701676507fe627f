/** Files that vectors are written to: points as JSON lines, which `vicinal import` reads, or the rows of an npy array. */
import { createReadStream, existsSync } from "node:fs";
import { type FileHandle, open, rename, rm, truncate } from "node:fs/promises";
import { extname } from "node:path";
import type { PointStore } from "@vicinal/extract";
import { parseJson, stringifyJson } from "vicinal/protocol";
import { plainVectors } from "../client.js";
import { systemError, UserError } from "../errors.js";

export interface VectorFile extends PointStore {
  /** @param complete whether all items were seen */
  close(complete: boolean): Promise<void>;
}

export function openVectorFile(path: string, dimensions: number): Promise<VectorFile> {
  const format = extname(path).toLowerCase();
  if (format === ".jsonl" || format === ".ndjson") return jsonLines(path);
  if (format === ".npy") return npyFile(path, dimensions);
  throw new UserError(`${path}: the format is told by the end of the name, one of .jsonl, .ndjson, .npy`);
}

/** Appends to what is there: a point is written again only when its item has changed, and the later line counts. */
async function jsonLines(path: string): Promise<VectorFile> {
  const known = await linesOf(path);
  const file = await openFor(path, "a");
  return {
    retrieve: async (_, { ids }) =>
      ids.flatMap((id) => {
        const payload = known.get(id);
        return payload ? [{ id, payload }] : [];
      }),
    upsert: async (_, { points }) => {
      await file.appendFile(
        points
          .map((point) => `${stringifyJson({ ...point, vector: plainVectors(point.vector) })}\n`)
          .join(""),
      );
    },
    close: () => file.close(),
  };
}

/** Versions and models of the points that are there, by id. The piece of a line that a killed run left is cut off. */
async function linesOf(path: string): Promise<Map<string, Record<string, unknown>>> {
  const known = new Map<string, Record<string, unknown>>();
  if (!existsSync(path)) return known;
  let rest = "";
  let number = 0;
  let whole = 0;
  for await (const chunk of createReadStream(path, "utf8")) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      number++;
      whole += Buffer.byteLength(line) + 1;
      const { id, payload } = pointOf(line, `${path}, line ${number}`);
      const { version, model } = payload;
      known.set(id, { version, model });
    }
  }
  if (rest !== "") await truncate(path, whole);
  return known;
}

function pointOf(line: string, place: string): { id: string; payload: Record<string, unknown> } {
  try {
    const { id, payload } = parseJson(line) as { id: string; payload: Record<string, unknown> };
    if (typeof id === "string" && typeof payload.model === "string") return { id, payload };
  } catch {}
  throw new UserError(`${place}: no point that embed has written; name another file with --out`);
}

const headerBytes = 128;

/**
 * One array of float32 [points, dimensions], and beside it `<file>.jsonl` with the id and payload of each row. Written
 * anew each time, under another name until it is whole.
 */
async function npyFile(path: string, dimensions: number): Promise<VectorFile> {
  const names = `${path}.jsonl`;
  const rows = await openFor(`${path}.part`, "w");
  const keys = await openFor(`${names}.part`, "w");
  let count = 0;
  await rows.write(npyHeader(0, dimensions));
  return {
    retrieve: async () => [],
    upsert: async (_, { points }) => {
      for (const { vector } of points) await rows.write(bytesOf(vector as Float32Array));
      await keys.write(points.map(({ id, payload }) => `${stringifyJson({ id, payload })}\n`).join(""));
      count += points.length;
    },
    close: async (complete) => {
      await rows.write(npyHeader(count, dimensions), 0, headerBytes, 0);
      await Promise.all([rows.close(), keys.close()]);
      for (const file of [names, path])
        await (complete ? rename(`${file}.part`, file) : rm(`${file}.part`, { force: true }));
    },
  };
}

function npyHeader(count: number, dimensions: number): Buffer {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${count}, ${dimensions}), }`;
  const header = Buffer.alloc(headerBytes, 0x20);
  header.write("\x93NUMPY\x01\x00", "latin1");
  header.writeUInt16LE(headerBytes - 10, 8);
  header.write(text, 10, "latin1");
  header[headerBytes - 1] = 0x0a;
  return header;
}

function bytesOf(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}

async function openFor(path: string, flags: string): Promise<FileHandle> {
  return open(path, flags).catch((error: unknown) => {
    throw systemError(error, path);
  });
}
