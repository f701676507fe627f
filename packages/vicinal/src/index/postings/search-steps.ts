/**
 * A search of postings as a machine of steps: it says which postings or rows it needs next, the host reads them from wherever
 * they lie, and it goes on. Nothing is awaited here.
 */
import { assert } from "../../runtime/assert.js";
import { bitWords, countBits, fillBits } from "../../runtime/bits.js";
import type { SearchRequest, SearchResult } from "../contract.js";
import { noHits } from "../search-frame.js";
import { metricNumbers } from "../vector-store.js";
import { REFINE_FACTOR, REFINE_LEAST } from "./defaults.js";
import type { Heads } from "./heads.js";
import { type PostingLayout, ROW_BATCH, type Slot } from "./posting-memory.js";

/** What the host is to read before the next step: it fills `bytes` (one per posting) or `floats` (one row after the other). */
export type Read =
  | { kind: "postings"; wanted: number[]; bytes: Uint8Array[] }
  | { kind: "rows"; wanted: Uint32Array; floats: Float32Array };

/** Bytes of postings that one search holds at a time. */
const ROUND_BYTES = 2 ** 20;

/** Candidates that a search for k keeps. */
export function poolFor({ encoding, count }: PostingLayout, k: number): number {
  const wanted = encoding === "float32" ? k : Math.max(REFINE_LEAST, Math.ceil(k * REFINE_FACTOR));
  return Math.min(count, wanted);
}

/** The slot has room for `poolFor` candidates, and belongs to this search until it is over. */
export function* searchSteps(
  heads: Heads,
  layout: PostingLayout,
  slot: Slot,
  request: SearchRequest,
): Generator<Read, SearchResult, void> {
  const { arena } = heads.store;
  const { count } = layout;
  assert(request.query.length === layout.dimensions, "a query has the store's dimensions");
  const k = Math.min(request.k, count);
  const answerable = k <= 0 ? 0 : start(heads, layout, slot, request);
  if (answerable === 0) return noHits();
  const pool = poolFor(layout, k);
  const scale = heads.store.kernels.encodeQuery(
    ...([slot.query, layout.mean, layout.dimensions, layout.padded, slot.words] as const),
  );
  const tally = slot.tally >>> 2;
  const lifted = heads.lifted(request.query, false);
  const wanted = Math.min(k, answerable);
  const seen = new Uint8Array(heads.count);
  let visited = 0;
  // A filter may leave too little in the postings that the effort names: then the next ones are read as well.
  for (let most = Math.max(1, Math.ceil(request.effort)); ; most *= 2) {
    const order = heads.nearest(lifted, most).ordinals.filter((head) => seen[head] === 0);
    for (const round of rounds(layout, order)) {
      for (const head of round) seen[head] = 1;
      visited += round.length;
      const read: Read = { kind: "postings", wanted: round, bytes: [] };
      yield read;
      round.forEach((head, i) => {
        scorePosting(heads, layout, slot, { head, bytes: read.bytes[i], pool, scale });
      });
    }
    if (arena.u32[tally] >= wanted || visited >= heads.count) break;
  }
  const exhausted = visited >= heads.count;
  const stats = { scored: arena.u32[tally + 1], visited };
  const found = heads.store.kernels.postingHits(slot.heap, slot.tally, slot.ordinals, slot.distances);
  const ordinals = arena.u32.slice(slot.ordinals >>> 2, (slot.ordinals >>> 2) + found);
  const distances = arena.f32.slice(slot.distances >>> 2, (slot.distances >>> 2) + found);
  if (layout.encoding === "float32")
    return { ordinals: ordinals.slice(0, k), distances: distances.slice(0, k), exhausted, stats };
  const rising = ordinals.sort();
  const read: Read = { kind: "rows", wanted: rising, floats: distances };
  yield read;
  const exact = measureRows(heads, layout, request.query, read.floats);
  stats.scored += found;
  return { ...nearestOf(rising, exact, k), exhausted, stats };
}

/** Fills the slot for a query; returns how many vectors may be answered. */
function start(heads: Heads, layout: PostingLayout, slot: Slot, { query, bits }: SearchRequest): number {
  const { f32, u32 } = heads.store.arena;
  f32.set(query, slot.query >>> 2);
  const words = bitWords(layout.count);
  const remaining = u32.subarray(slot.remaining >>> 2, (slot.remaining >>> 2) + words);
  if (bits) {
    remaining.set(bits.subarray(0, words));
    if (layout.count & 31) remaining[words - 1] &= (1 << (layout.count & 31)) - 1;
  } else fillBits(remaining, layout.count);
  u32.fill(0, slot.tally >>> 2, (slot.tally >>> 2) + 2);
  return bits ? countBits(remaining) : layout.count;
}

/** The postings in the order given, as many at a time as a search may hold. */
function* rounds({ starts }: PostingLayout, order: Uint32Array): Generator<number[]> {
  let round: number[] = [];
  let bytes = 0;
  for (const head of order) {
    const length = starts[head + 1] - starts[head];
    if (round.length > 0 && bytes + length > ROUND_BYTES) {
      yield round;
      round = [];
      bytes = 0;
    }
    round.push(head);
    bytes += length;
  }
  if (round.length > 0) yield round;
}

function scorePosting(
  heads: Heads,
  layout: PostingLayout,
  slot: Slot,
  { head, bytes, pool, scale }: { head: number; bytes: Uint8Array; pool: number; scale: number },
): void {
  const { arena, kernels } = heads.store;
  const size = layout.sizes[head];
  arena.u8.set(bytes, layout.posting);
  if (layout.encoding === "int8")
    kernels.postingCodes(
      ...([slot.words, scale, layout.posting, size, layout.stride, layout.padded, layout.count] as const),
      ...([slot.remaining, layout.fresh, pool, slot.heap, slot.tally] as const),
    );
  else
    kernels.postingRows(
      ...([metricNumbers[layout.metric], slot.query, layout.posting, size, layout.dimensions] as const),
      ...([layout.count, slot.remaining, layout.fresh, pool, slot.heap, slot.tally] as const),
    );
}

/** Exact distances of rows that lie one after the other. */
function measureRows(
  heads: Heads,
  layout: PostingLayout,
  query: Float32Array,
  floats: Float32Array,
): Float32Array {
  const { arena, kernels, scratch } = heads.store;
  const { dimensions } = layout;
  const count = floats.length / dimensions;
  const result = new Float32Array(count);
  scratch.putQuery(query);
  for (let from = 0; from < count; from += ROW_BATCH) {
    const length = Math.min(ROW_BATCH, count - from);
    arena.f32.set(floats.subarray(from * dimensions, (from + length) * dimensions), layout.rows >>> 2);
    for (let i = 0; i < length; i++) arena.u32[(scratch.list >>> 2) + i] = i;
    kernels.scoreList(
      ...([metricNumbers[layout.metric], scratch.query, layout.rows, dimensions] as const),
      ...([scratch.list, length, scratch.distances] as const),
    );
    result.set(scratch.takeDistances(length), from);
  }
  return result;
}

/** The nearest k, by distance and then by ordinal. */
function nearestOf(ordinals: Uint32Array, distances: Float32Array, k: number) {
  const order = Array.from(ordinals.keys()).sort((a, b) => distances[a] - distances[b] || a - b);
  order.length = Math.min(k, order.length);
  return {
    ordinals: Uint32Array.from(order, (i) => ordinals[i]),
    distances: Float32Array.from(order, (i) => distances[i]),
  };
}
