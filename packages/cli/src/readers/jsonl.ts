/**
 * JSON lines: one point per line, `{"id": 1, "vector": [0.1, ...], "payload": {...}}`; named vectors stand under `vector` or `vectors` as an
 * object, among them sparse ones, `{"indices": [3], "values": [0.5]}`; many vectors in one are an array of arrays. Blobs stand under `blobs`:
 * `{"photo": {"type": "image/jpeg", "base64": "..."}}`, or with `"file": "photos/1.jpg"`. Empty lines are skipped.
 */
import { parseJson } from "vicinal/protocol";
import type { Point, PointId } from "../client.js";
import { UserError } from "../errors.js";
import { pointBlobs } from "./blobs.js";
import { readChunks } from "./byte-reader.js";
import type { ReadPoint } from "./source.js";
import { isRecord, pointVectors } from "./vectors.js";

/** A line longer than this is a sign of another format. */
const maxLineBytes = 256 << 20;

const newline = 0x0a;

export async function* readJsonl(path: string): AsyncGenerator<ReadPoint> {
  let number = 0;
  for await (const { bytes, offset } of lines(path)) {
    number += 1;
    const text = bytes.toString("utf8").trim();
    if (text !== "") yield { point: await parsePoint(text, path, `${path}, line ${number}`), offset };
  }
}

/** Lines without their end, and the byte behind each. */
async function* lines(path: string): AsyncGenerator<{ bytes: Buffer; offset: number }> {
  let parts: Buffer[] = [];
  let length = 0;
  let offset = 0;
  for await (const chunk of readChunks(path)) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      parts.push(chunk.subarray(start, end));
      yield { bytes: parts.length === 1 ? parts[0] : Buffer.concat(parts), offset: offset + end + 1 };
      parts = [];
      length = 0;
      start = end + 1;
    }
    parts.push(chunk.subarray(start));
    length += chunk.length - start;
    offset += chunk.length;
    if (length > maxLineBytes) {
      throw new UserError(
        `${path}: a line that ends behind byte ${offset} is longer than ${maxLineBytes} bytes`,
      );
    }
  }
  if (length > 0) yield { bytes: Buffer.concat(parts), offset };
}

const fields = new Set(["id", "vector", "vectors", "payload", "blobs"]);

async function parsePoint(text: string, path: string, place: string): Promise<Point> {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new UserError(`${place}: no JSON: ${(cause as Error).message}`, { cause });
  }
  if (!isRecord(value)) throw new UserError(`${place}: no JSON object`);
  const unknown = Object.keys(value).find((field) => !fields.has(field));
  if (unknown !== undefined) {
    throw new UserError(
      `${place}: unknown field ${JSON.stringify(unknown)}: known are ${[...fields].join(", ")}`,
    );
  }
  if (value.vector !== undefined && value.vectors !== undefined) {
    throw new UserError(`${place}: both "vector" and "vectors"`);
  }
  const { payload } = value;
  if (payload !== undefined && payload !== null && !isRecord(payload)) {
    throw new UserError(`${place}: "payload" is no object`);
  }
  const blobs = await pointBlobs(value.blobs, path, place);
  return {
    id: pointId(value.id, place),
    vector: pointVectors(value.vector ?? value.vectors, place),
    ...(isRecord(payload) ? { payload } : {}),
    ...(blobs ? { blobs } : {}),
  };
}

function pointId(value: unknown, place: string): PointId {
  if (typeof value === "string" || typeof value === "bigint" || typeof value === "number") return value;
  throw new UserError(
    `${place}: ${value === undefined ? 'no "id"' : '"id" is neither an integer nor a UUID'}`,
  );
}
