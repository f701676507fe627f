// Sparse vectors: the k largest dot products, exactly, without reading every posting.
//
// Mallia, Suel, Tonellotto, "Faster learned sparse retrieval with block-max pruning" (SIGIR 2024). Vectors lie in blocks
// of 256; each term knows the blocks it occurs in and its largest absolute value there. A query adds these up to a
// bound for each block, visits the blocks by falling bound, adds up the products of a block's postings, and stops
// when no bound beats the k-th best so far. Deviations: no approximation of the bound, so that the answer is exact;
// postings are found by a chain made while bounds are added up, not by a forward index of the block.
//
//   terms:    T u32, rising                            starts:   T + 1 u32, into the entries
//   entries of a term, by block:  blocks: E u32        posts:    E + 1 u32, into the postings     largest: E f32
//   postings of an entry:         places: P u8 (ordinal & 255)    values: P f32

import { keyOf, offer } from "./keys";

const BLOCK: u32 = 256;
const BUCKETS: u32 = 256;
/** Sums in another order differ by their rounding: bounds are widened by more than that. */
const WIDER: f32 = 1.00002;

@unmanaged
class Postings {
  /** Ordinal of the first vector, a multiple of the block's length. */
  base: u32;
  count: u32;
  starts: usize;
  blocks: usize;
  posts: usize;
  largest: usize;
  places: usize;
  values: usize;
}

/** A thread's scratch, for a number of blocks and of entries that its query's terms have. */
@unmanaged
class SparseWork {
  /** Of the last search: postings multiplied, blocks visited. */
  scored: u32;
  visited: u32;
  /** Bounds of the blocks (f32), heads of their chains (u32, 0 ends), blocks by falling bound (u32). */
  bounds: usize;
  chains: usize;
  order: usize;
  buckets: usize;
  sums: usize;
  touched: usize;
  /** Links of the chains, from 1 on: [ entry u32 ][ weight f32 ][ next u32 ]. */
  links: usize;
}

const LINK_BYTES: usize = 12;

export function sparseBytes(): usize {
  return offsetof<Postings>();
}

export function initSparse(
  at: Postings, base: u32, count: u32, starts: usize, blocks: usize, posts: usize, largest: usize, places: usize,
  values: usize,
): void {
  at.base = base;
  at.count = count;
  at.starts = starts;
  at.blocks = blocks;
  at.posts = posts;
  at.largest = largest;
  at.places = places;
  at.values = values;
}

// @ts-ignore: decorator
@inline
function workHead(): usize {
  return (offsetof<SparseWork>() + 15) & ~15;
}

export function sparseWorkBytes(blocks: u32, entries: u32): usize {
  return workHead() + <usize>blocks * 12 + ((BUCKETS + 1 + BLOCK + BLOCK / 32) << 2) + <usize>(entries + 1) * LINK_BYTES;
}

export function initSparseWork(w: SparseWork, blocks: u32): void {
  const bytes = <usize>blocks << 2;
  w.bounds = changetype<usize>(w) + workHead();
  w.chains = w.bounds + bytes;
  w.order = w.chains + bytes;
  w.buckets = w.order + bytes;
  w.sums = w.buckets + ((BUCKETS + 1) << 2);
  w.touched = w.sums + (BLOCK << 2);
  w.links = w.touched + (BLOCK / 32 << 2);
}

/** True when a vector of the block may be answered. */
// @ts-ignore: decorator
@inline
function anyBit(bits: usize, first: u32, count: u32): bool {
  let found: u32 = 0;
  const words = (count + 31) >> 5;
  const at = bits + (<usize>first >> 5 << 2);
  for (let word: u32 = 0; word < words; word++) found |= load<u32>(at + (<usize>word << 2));
  return found != 0;
}

/**
 * Offers the products of these postings to a heap of keys [ -score ][ ordinal ], which holds `size` of at most k; vectors
 * that share no term with the query are not offered. `query`: `terms` times [ number of the term u32 ][ weight f32 ].
 * `bits` (over ordinals from 0 on) may be 0. Returns the heap's size; `finishBatch` sorts and splits it.
 */
export function sparseSearch(
  p: Postings, w: SparseWork, query: usize, terms: u32, bits: usize, k: u32, heap: usize, size: u32,
): u32 {
  const blocks = (p.count + BLOCK - 1) / BLOCK;
  memory.fill(w.bounds, 0, <usize>blocks << 3);
  let links: u32 = 0;
  for (let t: u32 = 0; t < terms; t++) {
    const pair = query + (<usize>t << 3);
    const start = p.starts + (<usize>load<u32>(pair) << 2);
    const weight = load<f32>(pair, 4);
    const steep = abs<f32>(weight);
    const end = load<u32>(start, 4);
    for (let entry = load<u32>(start); entry < end; entry++) {
      const at = <usize>load<u32>(p.blocks + (<usize>entry << 2)) << 2;
      const bound = w.bounds + at;
      store<f32>(bound, load<f32>(bound) + steep * load<f32>(p.largest + (<usize>entry << 2)));
      links++;
      const link = w.links + <usize>links * LINK_BYTES;
      store<u32>(link, entry);
      store<f32>(link, weight, 4);
      store<u32>(link, load<u32>(w.chains + at), 8);
      store<u32>(w.chains + at, links);
    }
  }
  w.scored = 0;
  w.visited = 0;
  const top = sortBlocks(w, blocks);
  const width = top / <f32>BUCKETS;
  let at: u32 = 0;
  for (let bucket: i32 = BUCKETS - 1; bucket >= 0; bucket--) {
    // After sorting, a bucket's entry is where it ends.
    const end = load<u32>(w.buckets + (<usize>bucket << 2));
    if (at < end && size == k && <f32>(bucket + 1) * width * WIDER < threshold(heap)) break;
    for (; at < end; at++) {
      const block = load<u32>(w.order + (<usize>at << 2));
      if (size == k && load<f32>(w.bounds + (<usize>block << 2)) * WIDER < threshold(heap)) continue;
      const first = p.base + block * BLOCK;
      const inBlock = min(BLOCK, p.count - block * BLOCK);
      if (bits && !anyBit(bits, first, inBlock)) continue;
      size = visit(p, w, block, first, bits, k, heap, size);
    }
  }
  return size;
}

/** Score of the worst kept. */
// @ts-ignore: decorator
@inline
function threshold(heap: usize): f32 {
  const image = <i32>(load<u64>(heap) >> 32);
  return -reinterpret<f32>(image ^ (~(image >> 31) | 0x80000000));
}

/** Orders the blocks that have a chain by falling bound, as finely as there are buckets; returns the largest bound. */
function sortBlocks(w: SparseWork, blocks: u32): f32 {
  let top: f32 = 0;
  for (let block: u32 = 0; block < blocks; block++) top = max(top, load<f32>(w.bounds + (<usize>block << 2)));
  top = min(top, f32.MAX_VALUE);
  const scale: f32 = top > 0 ? <f32>BUCKETS / top : 0;
  memory.fill(w.buckets, 0, (BUCKETS + 1) << 2);
  for (let block: u32 = 0; block < blocks; block++) {
    if (!load<u32>(w.chains + (<usize>block << 2))) continue;
    const at = w.buckets + (<usize>bucketOf(w, block, scale) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let sum: u32 = 0;
  for (let bucket: i32 = BUCKETS - 1; bucket >= 0; bucket--) {
    const at = w.buckets + (<usize>bucket << 2);
    const own = load<u32>(at);
    store<u32>(at, sum);
    sum += own;
  }
  for (let block: u32 = 0; block < blocks; block++) {
    if (!load<u32>(w.chains + (<usize>block << 2))) continue;
    const at = w.buckets + (<usize>bucketOf(w, block, scale) << 2);
    const place = load<u32>(at);
    store<u32>(at, place + 1);
    store<u32>(w.order + (<usize>place << 2), block);
  }
  return top;
}

// @ts-ignore: decorator
@inline
function bucketOf(w: SparseWork, block: u32, scale: f32): u32 {
  return <u32>min(<f32>(BUCKETS - 1), load<f32>(w.bounds + (<usize>block << 2)) * scale);
}

/** Adds up the products of a block's postings and offers the sums. */
function visit(
  p: Postings, w: SparseWork, block: u32, first: u32, bits: usize, k: u32, heap: usize, size: u32,
): u32 {
  memory.fill(w.sums, 0, (BLOCK + BLOCK / 32) << 2);
  w.visited++;
  for (let at = load<u32>(w.chains + (<usize>block << 2)); at; ) {
    const link = w.links + <usize>at * LINK_BYTES;
    const span = p.posts + (<usize>load<u32>(link) << 2);
    const weight = load<f32>(link, 4);
    const end = load<u32>(span, 4);
    for (let post = load<u32>(span); post < end; post++) {
      const place = <u32>load<u8>(p.places + post);
      const sum = w.sums + (<usize>place << 2);
      store<f32>(sum, load<f32>(sum) + weight * load<f32>(p.values + (<usize>post << 2)));
      const word = w.touched + (<usize>place >> 5 << 2);
      store<u32>(word, load<u32>(word) | (1 << (place & 31)));
    }
    w.scored += end - load<u32>(span);
    at = load<u32>(link, 8);
  }
  for (let word: u32 = 0; word < BLOCK / 32; word++) {
    let touched = load<u32>(w.touched + (<usize>word << 2));
    if (touched && bits) touched &= load<u32>(bits + (<usize>((first >> 5) + word) << 2));
    while (touched) {
      const place = (word << 5) + ctz(touched);
      touched &= touched - 1;
      // Sums that overflow stay in order: no infinity, no NaN.
      const sum = load<f32>(w.sums + (<usize>place << 2));
      const score = sum == sum ? max(min(sum, f32.MAX_VALUE), -f32.MAX_VALUE) : 0;
      size = offer(heap, size, k, keyOf(0 - score, first + place));
    }
  }
  return size;
}
