/** What a search of any family begins and ends with. */
import { assert } from "../runtime/assert.js";
import type { SearchRequest, SearchResult } from "./contract.js";
import type { VectorStore } from "./vector-store.js";

/** A request whose query and bits lie in the scratch of the calling thread. */
export interface PlacedRequest {
  /** Hits wanted, 1..count. */
  k: number;
  /** Address of the bits; 0 when every vector may be answered. */
  bits: number;
  /** Vectors that may be answered, at least 1. */
  matching: number;
}

/** Puts a request in place; undefined when no vector can be answered (`noHits`). */
export function placeRequest(store: VectorStore, request: SearchRequest): PlacedRequest | undefined {
  const { count, scratch } = store;
  assert(request.query.length === store.dimensions, "a query has the store's dimensions");
  const k = Math.min(request.k, count);
  if (k <= 0) return undefined;
  scratch.putQuery(request.query);
  if (!request.bits) return { k, bits: 0, matching: count };
  scratch.putBits(request.bits, count);
  const matching = store.kernels.countBits(scratch.bits, count);
  return matching > 0 ? { k, bits: scratch.bits, matching } : undefined;
}

/** Nothing, and no effort would bring more. */
export function noHits(): SearchResult {
  return {
    ordinals: new Uint32Array(0),
    distances: new Float32Array(0),
    exhausted: true,
    stats: { scored: 0, visited: 0 },
  };
}
