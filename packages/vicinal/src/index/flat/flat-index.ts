/**
 * Flat: no index at all. Every vector, or every vector that a filter lets through, is compared with the query, in one
 * call of a kernel that keeps the best k in a heap. Exact, and the yardstick of every other family.
 *
 * A store may grow while it is scanned: the count is read once at the start.
 */
import { assert } from "../../runtime/assert.js";
import type { Calibration, SavedIndex, SearchRequest, SearchResult, VectorIndex } from "../contract.js";
import { noHits } from "../search-frame.js";
import type { VectorStore } from "../vector-store.js";

/** Rows that one call of the batched scan passes over, so that a long scan can be watched and cancelled. */
const BATCH_ROWS = 16384;

export class FlatIndex implements VectorIndex {
  readonly family = "flat";
  readonly exact = true;
  readonly effort = { default: 1, min: 1, max: 1, scored: 1 };
  calibration: Calibration | undefined = undefined;
  readonly store: VectorStore;

  constructor(store: VectorStore) {
    this.store = store;
  }

  /** The nearest k of all vectors, or of those whose bits are set. */
  search(request: Pick<SearchRequest, "query" | "k" | "bits">): SearchResult {
    const { store } = this;
    const { scratch } = store;
    const count = store.count;
    const k = Math.min(request.k, count);
    if (k <= 0) return noHits();
    scratch.ensure(k);
    scratch.putQuery(this.#checked(request.query));
    let bits = 0;
    let scored = count;
    if (request.bits) {
      assert(request.bits.length >= (count + 31) >>> 5, "there is a bit for every vector");
      scratch.putBits(request.bits, count);
      bits = scratch.bits;
      scored = store.kernels.countBits(bits, count);
    }
    const found = store.kernels.scan(
      store.metricNumber,
      scratch.query,
      store.rows,
      store.dimensions,
      count,
      bits,
      k,
      scratch.keys,
      scratch.ordinals,
      scratch.distances,
    );
    return { ...scratch.takeHits(found), exhausted: true, stats: { scored, visited: 0 } };
  }

  /** The nearest k among the given ordinals (no ordinal twice): for filters that match few. */
  searchAmong(query: Float32Array, k: number, ordinals: Uint32Array): SearchResult {
    const { store } = this;
    const { scratch } = store;
    const length = ordinals.length;
    if (length === 0 || k <= 0) return noHits();
    this.#checkOrdinals(ordinals);
    // The keys' own room serves as the list's distances, which lie behind the heap of at most `length` keys.
    scratch.ensure(2 * length);
    scratch.putQuery(this.#checked(query));
    scratch.putList(ordinals);
    const found = store.kernels.scanList(
      store.metricNumber,
      scratch.query,
      store.rows,
      store.dimensions,
      scratch.list,
      length,
      scratch.keys + length * 8,
      Math.min(k, length),
      scratch.keys,
      scratch.ordinals,
      scratch.distances,
    );
    return { ...scratch.takeHits(found), exhausted: true, stats: { scored: length, visited: 0 } };
  }

  /** Exact distances of the given ordinals, in their order. */
  distances(query: Float32Array, ordinals: Uint32Array): Float32Array {
    const { store } = this;
    const { scratch } = store;
    if (ordinals.length === 0) return new Float32Array(0);
    this.#checkOrdinals(ordinals);
    scratch.ensure(ordinals.length);
    scratch.putQuery(this.#checked(query));
    scratch.putList(ordinals);
    store.kernels.scoreList(
      store.metricNumber,
      scratch.query,
      store.rows,
      store.dimensions,
      scratch.list,
      ordinals.length,
      scratch.distances,
    );
    return scratch.takeDistances(ordinals.length);
  }

  /**
   * The nearest k of many queries, rows read once for all of them: `queries` holds them one after the other.
   * A generator that yields the rows done so far, so that the caller can breathe, report and stop; it returns k
   * ordinals and k distances per query (min(k, count) of them). It works inside the store's memory, in a region of
   * `searchManyBytes` bytes: at `work`, or one that it takes for the while.
   */
  *searchMany(queries: Float32Array, k: number, work?: number): Generator<number, ManyResult> {
    const { store } = this;
    const { arena, kernels, dimensions } = store;
    const count = store.count;
    const queryCount = queries.length / dimensions;
    assert(Number.isInteger(queryCount), "a batch holds whole queries");
    const found = Math.min(k, count);
    if (found <= 0 || queryCount === 0) {
      return { k: Math.max(0, found), ordinals: new Uint32Array(0), distances: new Float32Array(0) };
    }
    const heapBytes = queryCount * found * 8;
    const queryBytes = Math.ceil((queryCount * dimensions * 4) / 64) * 64;
    const base = work ?? arena.allocate(searchManyBytes(dimensions, queryCount, found));
    try {
      const heaps = base + queryBytes;
      const ordinals = heaps + heapBytes;
      const distances = ordinals + heapBytes / 2;
      const sizes = distances + heapBytes / 2;
      arena.f32.set(queries, base >>> 2);
      arena.u32.fill(0, sizes >>> 2, (sizes >>> 2) + queryCount);
      for (let from = 0; from < count; from += BATCH_ROWS) {
        const to = Math.min(count, from + BATCH_ROWS);
        kernels.scanBatch(
          store.metricNumber,
          base,
          queryCount,
          store.rows,
          dimensions,
          from,
          to,
          found,
          heaps,
          sizes,
        );
        yield to;
      }
      kernels.finishBatch(queryCount, found, heaps, sizes, ordinals, distances);
      const numbers = queryCount * found;
      return {
        k: found,
        ordinals: arena.u32.slice(ordinals >>> 2, (ordinals >>> 2) + numbers),
        distances: arena.f32.slice(distances >>> 2, (distances >>> 2) + numbers),
      };
    } finally {
      if (work === undefined) arena.release(base);
    }
  }

  memoryBytes(): number {
    return 0;
  }

  save(): SavedIndex {
    return { family: this.family, meta: {}, sections: [] };
  }

  /** There is nothing but the store's vectors. */
  release(): void {}

  #checked(query: Float32Array): Float32Array {
    assert(query.length === this.store.dimensions, "a query has the store's dimensions");
    return query;
  }

  #checkOrdinals(ordinals: Uint32Array): void {
    const count = this.store.count;
    for (let i = 0; i < ordinals.length; i++) assert(ordinals[i] < count, "an ordinal lies below the count");
  }
}

/** Bytes that `searchMany` works in. */
export function searchManyBytes(dimensions: number, queryCount: number, k: number): number {
  return Math.ceil((queryCount * dimensions * 4) / 64) * 64 + queryCount * (k * 16 + 4);
}

/** Answers of a batched scan: k per query, one query after the other. */
export interface ManyResult {
  k: number;
  ordinals: Uint32Array;
  distances: Float32Array;
}
