/** Vectors for tests of index families: seeded, clustered, normalised where the metric asks for it. */

import { seededRandom } from "../runtime/random.js";
import type { LoadedIndex, Metric, SavedIndex } from "./contract.js";
import { VectorStore, type VectorStoreOptions } from "./vector-store.js";

/** `count` vectors around a few centres, one after the other. */
export function clusteredVectors(
  count: number,
  dimensions: number,
  metric: Metric,
  seed: number,
): Float32Array {
  const random = seededRandom(seed);
  const centres = Array.from({ length: 16 }, () =>
    Float32Array.from({ length: dimensions }, () => random() * 2 - 1),
  );
  const vectors = new Float32Array(count * dimensions);
  for (let i = 0; i < count; i++) {
    const centre = centres[Math.floor(random() * centres.length)];
    const vector = vectors.subarray(i * dimensions, (i + 1) * dimensions);
    for (let j = 0; j < dimensions; j++) vector[j] = centre[j] + (random() + random() - 1) * 0.8;
    if (metric === "Cosine") normalise(vector);
  }
  return vectors;
}

export function normalise(vector: Float32Array): void {
  const length = Math.hypot(...vector) || 1;
  for (let i = 0; i < vector.length; i++) vector[i] /= length;
}

export async function filledStore(
  vectors: Float32Array,
  options: Omit<VectorStoreOptions, "capacity"> & { capacity?: number },
): Promise<VectorStore> {
  const store = await VectorStore.create({ capacity: vectors.length / options.dimensions, ...options });
  store.appendBatch(vectors);
  return store;
}

/** Bits of the ordinals that a test lets through. */
export function bitsOf(count: number, passes: (ordinal: number) => boolean): Uint32Array {
  const bits = new Uint32Array((count + 31) >>> 5);
  for (let i = 0; i < count; i++) if (passes(i)) bits[i >>> 5] |= 1 << (i & 31);
  return bits;
}

/** A saved index as it comes back from a file: copied, its description through JSON. */
export function throughFile(saved: SavedIndex): LoadedIndex & { sections: Map<string, Uint8Array> } {
  const sections = new Map(saved.sections.map(({ name, bytes }) => [name, bytes.slice()]));
  return {
    sections,
    meta: JSON.parse(JSON.stringify(saved.meta)),
    length: (name) => sections.get(name)?.length ?? 0,
    async readInto(name, target) {
      target.set(sections.get(name)!);
    },
  };
}
