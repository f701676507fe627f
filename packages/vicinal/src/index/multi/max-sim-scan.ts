/**
 * MaxSim over all documents, or those that a filter lets through: exact.
 *
 * Khattab & Zaharia, "ColBERT" (SIGIR 2020). A query has several vectors; each finds the nearest vector of the document, and what they
 * find is added up. Distances are the metric's own: squared for Euclid. For Cosine 1 - distance is the sum of the similarities, so that
 * scores are read from distances as those of single vectors are.
 *
 * Cost: vectors of the query x vectors of the documents distances; the kernel is given so many documents at a time that the work
 * between two looks at the clock stays small.
 */
import { assert } from "../../runtime/assert.js";
import type { SavedIndex, SearchRequest, SearchResult, VectorIndex } from "../contract.js";
import { noHits } from "../search-frame.js";
import { metricNumbers, type VectorStore } from "../vector-store.js";
import type { Documents } from "./documents.js";

/** Documents of one call of the kernel: 12 KiB of runs and distances. */
const BATCH_DOCUMENTS = 1024;

/** Ordinals are documents; a request's `query` holds the vectors of the query one after the other. */
export class MaxSimScan implements VectorIndex {
  readonly family = "flat";
  readonly exact = true;
  readonly effort = { default: 1, min: 1, max: 1, scored: 1 };
  readonly calibration = undefined;
  readonly store: VectorStore;
  readonly documents: Documents;

  constructor(store: VectorStore, documents: Documents) {
    this.store = store;
    this.documents = documents;
  }

  search({ query, k, bits }: Pick<SearchRequest, "query" | "k" | "bits">): SearchResult {
    const chosen = this.documents.chosen(bits);
    const wanted = Math.min(k, chosen.length);
    return wanted <= 0 ? noHits() : nearestOf(chosen, this.distances(query, chosen), wanted);
  }

  /** Distances of documents, in their order. */
  distances(query: Float32Array, documents: Uint32Array): Float32Array {
    const { arena, kernels, dimensions, metric, rows } = this.store;
    const queryCount = query.length / dimensions;
    assert(Number.isInteger(queryCount) && queryCount > 0, "a query holds whole vectors");
    const queryBytes = Math.ceil(query.byteLength / 64) * 64;
    const minimaBytes = Math.ceil(queryCount / 16) * 64;
    const at = arena.allocate(queryBytes + minimaBytes + BATCH_DOCUMENTS * 12);
    try {
      const minima = at + queryBytes;
      const runs = minima + minimaBytes;
      const answers = runs + BATCH_DOCUMENTS * 8;
      const cosine = metric === "Cosine";
      const metricNumber = cosine ? metricNumbers.Dot : metricNumbers[metric];
      arena.f32.set(query, at >>> 2);
      const found = new Float32Array(documents.length);
      for (let from = 0; from < documents.length; from += BATCH_DOCUMENTS) {
        const batch = documents.subarray(from, from + BATCH_DOCUMENTS);
        this.#putRuns(batch, runs >>> 2);
        kernels.maxSim(metricNumber, at, queryCount, rows, dimensions, runs, batch.length, minima, answers);
        found.set(arena.f32.subarray(answers >>> 2, (answers >>> 2) + batch.length), from);
      }
      if (cosine) for (let i = 0; i < found.length; i++) found[i] += 1;
      return found;
    } finally {
      arena.release(at);
    }
  }

  #putRuns(documents: Uint32Array, at: number): void {
    const { u32 } = this.store.arena;
    for (let i = 0; i < documents.length; i++) {
      u32[at + 2 * i] = this.documents.first(documents[i]);
      u32[at + 2 * i + 1] = this.documents.end(documents[i]);
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
}

/** The best of documents with their distances, nearest first, equal ones in the order of documents, which rises. */
export function nearestOf(documents: Uint32Array, distances: Float32Array, k: number): SearchResult {
  const order = Uint32Array.from(documents, (_, i) => i);
  order.sort((a, b) => distances[a] - distances[b] || a - b);
  const best = order.subarray(0, k);
  return {
    ordinals: Uint32Array.from(best, (i) => documents[i]),
    distances: Float32Array.from(best, (i) => distances[i]),
    exhausted: true,
    stats: { scored: documents.length, visited: 0 },
  };
}
