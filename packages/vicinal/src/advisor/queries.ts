/**
 * The queries of the advisor: one half sets each candidate's dial, the other half says what the dial is worth. None of
 * them may be in an index: `has` finds out, by the bits of a vector.
 */
import { seededRandom } from "../runtime/random.js";

/** Queries used at most; at recall 0.95 the standard error of the mean over half of them is about 0.006. */
export const MOST_QUERIES = 600;
/** Share of a sample that is withheld as queries: a smaller index than the collection's looks a little better. */
const WITHHELD_SHARE = 0.04;
/** Of small samples more: so many, or this share where that is less. */
const LEAST_WITHHELD = { count: 100, share: 0.2 };

export class Queries {
  readonly source: "given" | "withheld";
  readonly vectors: readonly Float32Array[];
  readonly #byHash = new Map<number, Float32Array[]>();

  private constructor(source: "given" | "withheld", vectors: readonly Float32Array[]) {
    this.source = source;
    this.vectors = vectors;
    for (const vector of vectors) {
      const hash = hashOf(vector);
      const same = this.#byHash.get(hash);
      if (same) same.push(vector);
      else this.#byHash.set(hash, [vector]);
    }
  }

  /** The given ones, or as many of them as are used, chosen at random. */
  static given(vectors: readonly Float32Array[], seed: number): Queries {
    return new Queries(
      "given",
      chosen(vectors.length, MOST_QUERIES, seed).map((i) => vectors[i]),
    );
  }

  /** Some of a sample's vectors, which lie one after the other. */
  static withheld(sample: Float32Array, dimensions: number, seed: number): Queries {
    const count = sample.length / dimensions;
    const least = Math.min(LEAST_WITHHELD.count, Math.floor(count * LEAST_WITHHELD.share));
    const wanted = Math.min(MOST_QUERIES, Math.max(least, Math.floor(count * WITHHELD_SHARE)));
    const vectors = chosen(count, wanted, seed).map((i) =>
      sample.slice(i * dimensions, (i + 1) * dimensions),
    );
    return new Queries("withheld", vectors);
  }

  /** Whether the vector is one of the queries. */
  has(vector: Float32Array): boolean {
    const same = this.#byHash.get(hashOf(vector));
    return same?.some((query) => query.every((number, i) => number === vector[i])) ?? false;
  }

  /** Those that set the dial, and those that check it. */
  halves(): { dial: readonly Float32Array[]; check: readonly Float32Array[] } {
    const middle = this.vectors.length >>> 1;
    return { dial: this.vectors.slice(0, middle), check: this.vectors.slice(middle) };
  }
}

/** Up to `wanted` numbers below `count`, in random order. */
function chosen(count: number, wanted: number, seed: number): number[] {
  const random = seededRandom(seed);
  const all = Array.from({ length: count }, (_, i) => i);
  const taken = Math.min(count, wanted);
  for (let i = 0; i < taken; i++) {
    const other = i + Math.floor(random() * (count - i));
    [all[i], all[other]] = [all[other], all[i]];
  }
  return all.slice(0, taken);
}

/** FNV-1a over the numbers' bits. */
function hashOf(vector: Float32Array): number {
  const words = new Uint32Array(vector.buffer, vector.byteOffset, vector.length);
  let hash = 0x811c9dc5;
  for (const word of words) hash = Math.imul(hash ^ word, 0x01000193);
  return hash;
}
