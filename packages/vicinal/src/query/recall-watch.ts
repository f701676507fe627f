/**
 * RecallWatch: compares a small share of live searches with the exact scan, in the background, and raises the effort of
 * an index that finds less than was asked of it.
 *
 * The measured curve speaks for queries like the collection's own vectors; queries of another kind (texts against images)
 * may find less. Each approximate search pays a share of its work into a credit of its index; when that covers a scan,
 * the search is checked. A scan runs in slices, so that no query waits for it.
 *
 * One-sided, as the promise is: efforts are raised when searches significantly miss, never lowered. What was learnt
 * belongs to the index in memory: a new index, and a new process, begin anew.
 */
import type { IndexTraits, SearchRequest, SearchResult, VectorIndex } from "../index/contract.js";
import type { VectorStore } from "../index/vector-store.js";
import { bitWords, setBits } from "../runtime/bits.js";
import { yieldToOthers } from "../runtime/cancel.js";

/** Share of the work of searches that goes into checks, unless the caller says another. */
export const RECALL_CHECK_SHARE = 0.01;

/** A distance of a scan costs so much less than one of a search: rows are read in order. */
const SCAN_ADVANTAGE = 8;
/** Bytes of vectors scanned between two breaths: some tenths of a millisecond. */
const SLICE_BYTES = 4 << 20;
/**
 * After so many checks they are judged together; after the last they are forgotten. Few find a large miss soon, many a
 * small one. To judge after each would find a miss by chance sooner or later.
 */
const JUDGEMENTS = [25, 50, 100, 200];
/** A miss counts when the mean lies so many standard errors below what was asked (99 %, one-sided), and by this much. */
const CONFIDENCE = 2.33;
const TOLERANCE = 0.01;
/** Each judgement raises the effort by this factor. */
const RAISE_STEP = 1.5;

/** A search that was answered by an index. */
export interface WatchedSearch {
  index: VectorIndex;
  /** The exact answer over the same ordinals, and how many these are. */
  scan: { search(request: SearchRequest): SearchResult };
  count: number;
  request: SearchRequest;
  result: SearchResult;
  /** Recall that was asked for. */
  recall: number;
  /** False once the index's memory may be gone. */
  alive(): boolean;
}

interface Watched {
  credit: number;
  raise: number;
  /** Recall found less recall asked, of the checks since the last judgement. */
  surpluses: number[];
}

export class RecallWatch {
  readonly #share: number;
  readonly #watched = new WeakMap<IndexTraits, Watched>();
  #checking: Promise<void> | undefined;

  constructor(share = RECALL_CHECK_SHARE) {
    this.#share = share;
  }

  /** The factor by which checks have raised the efforts of an index; 1 for none. */
  raiseOf(index: IndexTraits): number {
    return this.#watched.get(index)?.raise ?? 1;
  }

  /** Takes note of a search of the index; true when its turn has come to be checked. */
  isDue(index: IndexTraits, scored: number, matching: number): boolean {
    const watched = this.#of(index);
    watched.credit += scored * this.#share;
    if (watched.credit < matching / SCAN_ADVANTAGE || this.#checking) return false;
    watched.credit = 0;
    return true;
  }

  /** Begins to compare a search that is due with the exact scan. */
  check(search: WatchedSearch): void {
    const { query, bits } = search.request;
    const request = { ...search.request, query: query.slice(), bits: bits?.slice() };
    // A check that cannot be made (memory ran out) says nothing.
    this.#checking = this.#check({ ...search, request })
      .catch(() => {})
      .finally(() => {
        this.#checking = undefined;
      });
  }

  /** Resolves when no check runs. */
  async idle(): Promise<void> {
    await this.#checking;
  }

  #of(index: IndexTraits): Watched {
    const known = this.#watched.get(index);
    if (known) return known;
    const watched: Watched = { credit: 0, raise: 1, surpluses: [] };
    this.#watched.set(index, watched);
    return watched;
  }

  async #check(search: WatchedSearch): Promise<void> {
    const truth = await exactDistances(search);
    if (!truth || truth.length === 0) return;
    const worst = truth[truth.length - 1];
    const { distances } = search.result;
    let hits = 0;
    while (hits < truth.length && hits < distances.length && distances[hits] <= worst) hits++;
    const watched = this.#of(search.index);
    watched.surpluses.push(hits / truth.length - search.recall);
    const { length } = watched.surpluses;
    if (!JUDGEMENTS.includes(length)) return;
    const missed = misses(watched.surpluses);
    if (missed) watched.raise *= RAISE_STEP;
    if (missed || length === JUDGEMENTS.at(-1)) watched.surpluses.length = 0;
  }
}

/** Whether the mean of the samples lies significantly below zero. */
function misses(samples: readonly number[]): boolean {
  const count = samples.length;
  const mean = samples.reduce((sum, x) => sum + x, 0) / count;
  const variance = samples.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (count - 1);
  return mean < -TOLERANCE && mean < -CONFIDENCE * Math.sqrt(variance / count);
}

/** Distances of the true neighbours, rising; undefined when the index goes meanwhile. Vectors that were there stay what they are. */
async function exactDistances({
  index,
  scan,
  count,
  request,
  alive,
}: WatchedSearch): Promise<Float32Array | undefined> {
  const rows = Math.max(32, Math.floor(SLICE_BYTES / (bytesOfOne(index.store, count, request) * 32)) * 32);
  let nearest: number[] = [];
  for (let from = 0; from < count; from += rows) {
    await yieldToOthers();
    if (!alive()) return undefined;
    const bits = slice(request.bits, from, Math.min(count, from + rows), count);
    const { distances } = scan.search({ ...request, bits });
    nearest = [...nearest, ...distances].sort((a, b) => a - b).slice(0, request.k);
  }
  return Float32Array.from(nearest);
}

/** Read to compare one ordinal with the query: of multi-vectors all of its vectors, for each vector of the query. */
function bytesOfOne(store: VectorStore, ordinals: number, { query }: SearchRequest): number {
  return (store.count / ordinals) * query.length * 4;
}

/** Those bits, or all, that lie in [from, to); `from` is a multiple of 32. */
function slice(bits: Uint32Array | undefined, from: number, to: number, count: number): Uint32Array {
  const part = new Uint32Array(bitWords(count));
  if (bits) part.set(bits.subarray(from >>> 5, bitWords(to)), from >>> 5);
  else setBits(part, from, to);
  return part;
}
