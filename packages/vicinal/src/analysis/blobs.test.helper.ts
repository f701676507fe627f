/** Vectors in clumps, for the tests of this room. */
import type { Metric } from "../index/contract.js";
import { seededRandom } from "../runtime/random.js";
import type { Neighbours, Vectors } from "./types.js";

export interface Blobs extends Vectors {
  /** The clump of each vector. */
  readonly blob: Int32Array;
}

/** `count` vectors around `blobs` centres that lie apart; each number varies by `spread` around its centre. */
export function blobs(
  options: { count: number; blobs: number; dimensions: number; spread: number; metric?: Metric },
  seed: number,
): Blobs {
  const random = seededRandom(seed);
  const { count, dimensions, metric = "Euclid" } = options;
  const centres = Array.from({ length: options.blobs * dimensions }, () => random() * 2 - 1);
  const data = new Float32Array(count * dimensions);
  const blob = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    blob[i] = Math.floor(random() * options.blobs);
    let length = 0;
    for (let j = 0; j < dimensions; j++) {
      const noise = random() + random() + random() - 1.5;
      data[i * dimensions + j] = centres[blob[i] * dimensions + j] + options.spread * noise;
      length += data[i * dimensions + j] ** 2;
    }
    if (metric === "Cosine")
      for (let j = 0; j < dimensions; j++) data[i * dimensions + j] /= Math.sqrt(length);
  }
  return { count, dimensions, metric, data, blob };
}

/** The k nearest by Euclidean distance, by comparing all. */
export function nearest(vectors: Pick<Vectors, "count" | "dimensions" | "data">, k: number): Neighbours {
  const { count, dimensions, data } = vectors;
  const numbers = new Uint32Array(count * k);
  const distances = new Float32Array(count * k);
  for (let i = 0; i < count; i++) {
    const all = Array.from({ length: count }, (_, j) => {
      let sum = 0;
      for (let d = 0; d < dimensions; d++) sum += (data[i * dimensions + d] - data[j * dimensions + d]) ** 2;
      return { j, distance: Math.sqrt(sum) };
    });
    const others = all.filter(({ j }) => j !== i).sort((a, b) => a.distance - b.distance || a.j - b.j);
    for (let n = 0; n < k; n++) {
      numbers[i * k + n] = others[n]?.j ?? 0xffffffff;
      distances[i * k + n] = others[n]?.distance ?? 0;
    }
  }
  return { count, k, numbers, distances };
}

export const calm = async (): Promise<void> => {};

/** A breath that is cancelled at its n-th call. */
export function cancelled(at: number): () => Promise<void> {
  let calls = 0;
  return async () => {
    if (++calls >= at) throw new Error("cancelled");
  };
}
