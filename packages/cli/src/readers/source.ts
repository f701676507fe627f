/** Readers of vector files: each streams, and names the file and the line or byte in its errors. */
import { extname } from "node:path";
import type { Point } from "../client.js";
import { UserError } from "../errors.js";
import { readFvecs } from "./fvecs.js";
import { readJsonl } from "./jsonl.js";
import { readNpy } from "./npy.js";

export interface ReadPoint {
  point: Point;
  /** Byte of the file behind this point. */
  offset: number;
}

export interface ReadOptions {
  /** Raw vectors carry no id: row i gets `firstId + i`. */
  firstId: number;
  /** Raw vectors go into this named vector; undefined for a collection with one vector. */
  using?: string;
}

/** Formats by the end of the file's name. */
export const formats = [".jsonl", ".ndjson", ".fvecs", ".npy"] as const;

export function readPoints(path: string, options: ReadOptions): AsyncGenerator<ReadPoint> {
  const format = extname(path).toLowerCase();
  if (format === ".jsonl" || format === ".ndjson") return readJsonl(path);
  if (format === ".fvecs") return named(readFvecs(path), options);
  if (format === ".npy") return named(readNpy(path), options);
  throw new UserError(`${path}: the format is told by the end of the name, one of ${formats.join(", ")}`);
}

export interface ReadVector {
  vector: Float32Array | Float32Array[];
  offset: number;
}

async function* named(
  vectors: AsyncGenerator<ReadVector>,
  { firstId, using }: ReadOptions,
): AsyncGenerator<ReadPoint> {
  let id = firstId;
  for await (const { vector, offset } of vectors) {
    yield { point: { id, vector: using === undefined ? vector : { [using]: vector } }, offset };
    id += 1;
  }
}
