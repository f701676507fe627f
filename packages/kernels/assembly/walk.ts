// The walk: best-first search of one layer, written once for every scorer.
//
// Method: the beam search of HNSW (Malkov, Yashunin 2018, algorithm 2), which is that of NSG and Vamana too, shaped for
// a machine that waits for memory:
// - the beam is one array in order of distance, whose keys carry an "expanded" bit; no heaps;
// - a step expands up to WIDTH candidates at once: their lists are touched, their neighbours not seen before gathered,
//   the lines of these touched, and only then they are scored, four at a time, so that many cache misses are in
//   flight together;
// - what beats the beam's worst is sorted apart and merged into the beam in one pass from behind.
//
//   key of a node:  [ distance, monotone : 32 ][ node : 31 ][ expanded : 1 ]
//
// With a filter, the beam leads through nodes of all kinds, and a second array keeps the best `ef` of those whose bits
// are set; the walk ends when that is full and nothing nearer than its worst is left to expand.

import { Graph, NONE, Slot, WIDTH } from "./graph";
import { distanceOf, keyOf, monotone } from "./keys";

// @ts-ignore: decorator
@inline
export function nodeOf(key: u64): u32 {
  return (<u32>key) >> 1;
}

// @ts-ignore: decorator
@inline
export function keyAt(keys: usize, i: u32): u64 {
  return load<u64>(keys + (<usize>i << 3));
}

// @ts-ignore: decorator
@inline
export function setKey(keys: usize, i: u32, key: u64): void {
  store<u64>(keys + (<usize>i << 3), key);
}

/** Sorts few keys, mostly a handful. */
export function sortKeys(keys: usize, length: u32): void {
  for (let i: u32 = 1; i < length; i++) {
    const key = keyAt(keys, i);
    let j = i;
    for (; j > 0; j--) {
      const before = keyAt(keys, j - 1);
      if (before <= key) break;
      setKey(keys, j, before);
    }
    setKey(keys, j, key);
  }
}

/** How many of `length` rising keys are smaller than `key`. */
// @ts-ignore: decorator
@inline
function rank(keys: usize, length: u32, key: u64): u32 {
  let base: u32 = 0;
  while (length > 1) {
    const halfLength = length >> 1;
    base = select<u32>(base + halfLength, base, keyAt(keys, base + halfLength - 1) < key);
    length -= halfLength;
  }
  if (length == 1 && keyAt(keys, base) < key) base++;
  return base;
}

/**
 * Merges `added` rising keys into `size` rising keys of an array that holds `limit` at most; what does not fit
 * falls off the end. Returns the lowest place that a new key took (`limit` when none did).
 */
export function mergeKeys(array: usize, size: u32, limit: u32, keys: usize, added: u32): u32 {
  let end = size;
  let lowest = limit;
  for (let j = added; j > 0; j--) {
    const key = keyAt(keys, j - 1);
    const place = rank(array, end, key);
    // Keys place..end-1 move up by j, as far as they stay below the limit.
    const stop = min(end, limit > j ? limit - j : 0);
    if (stop > place) {
      const from = array + (<usize>place << 3);
      const length = stop - place;
      if (length > 16) memory.copy(from + (<usize>j << 3), from, <usize>length << 3);
      else {
        for (let i = length; i > 0; i--) {
          store<u64>(from + ((<usize>(i - 1 + j)) << 3), load<u64>(from + ((<usize>(i - 1)) << 3)));
        }
      }
    }
    if (place + j - 1 < limit) {
      lowest = place + j - 1;
      setKey(array, lowest, key);
    }
    end = place;
  }
  return lowest;
}

/** Loads from every cache line of a list, which starts their way here. */
// @ts-ignore: decorator
@inline
function touchList(list: usize, slots: u32): u32 {
  let sum: u32 = 0;
  const end = list + (<usize>slots << 2);
  for (let at = list; at < end; at += 64) sum += load<u32>(at);
  return sum;
}

/** Marks a node as seen; returns 1 if it was not. */
// @ts-ignore: decorator
@inline
function firstSight(visited: usize, node: u32): u32 {
  const at = visited + ((<usize>node >> 5) << 2);
  const word = load<u32>(at);
  store<u32>(at, word | (1 << (node & 31)));
  return ((word >> (node & 31)) & 1) ^ 1;
}

/** Scores `length` gathered nodes; puts the keys of those below `bound` into the batch and returns how many. */
// @ts-ignore: decorator
@inline
function scoreGathered<S>(g: Graph, s: Slot, length: u32, bound: f32): u32 {
  const scorer = changetype<S>(0);
  const gathered = s.gathered;
  const batch = s.batch;
  // The last group is filled up with its own last node.
  const last = load<u32>(gathered + ((<usize>length - 1) << 2));
  for (let i: u32 = 0; i < 3; i++) store<u32>(gathered + ((<usize>(length + i)) << 2), last);
  let taken: u32 = 0;
  for (let i: u32 = 0; i < length; i += 4) {
    const at = gathered + (<usize>i << 2);
    const a = load<u32>(at);
    const b = load<u32>(at, 4);
    const c = load<u32>(at, 8);
    const d = load<u32>(at, 12);
    const distances = scorer.score4(g, s, a, b, c, d);
    let below = i32x4.bitmask(f32x4.lt(distances, f32x4.splat(bound)));
    if (i + 4 > length) below &= (1 << (length - i)) - 1;
    if (!below) continue;
    const images = monotone(distances);
    if (below & 1) setKey(batch, taken++, ((<u64>(<u32>i32x4.extract_lane(images, 0))) << 32) | (a << 1));
    if (below & 2) setKey(batch, taken++, ((<u64>(<u32>i32x4.extract_lane(images, 1))) << 32) | (b << 1));
    if (below & 4) setKey(batch, taken++, ((<u64>(<u32>i32x4.extract_lane(images, 2))) << 32) | (c << 1));
    if (below & 8) setKey(batch, taken++, ((<u64>(<u32>i32x4.extract_lane(images, 3))) << 32) | (d << 1));
  }
  s.scored += length;
  return taken;
}

/** Keeps of `length` keys those whose nodes have a set bit, in place; returns how many. */
function keepMatching(keys: usize, length: u32, bits: usize): u32 {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const key = keyAt(keys, i);
    const node = nodeOf(key);
    setKey(keys, kept, key);
    kept += (load<u32>(bits + ((<usize>node >> 5) << 2)) >> (node & 31)) & 1;
  }
  return kept;
}

/**
 * Walks one layer from the first `starts` nodes in `s.gathered` with a beam of `ef` nodes; returns how many it found,
 * nearest first in `s.pool`: with `width` > `ef`, also the next best of those that it came across. With `bits`, the
 * answer is in `s.results`: the best `ef` matching nodes, found with a beam of `width` nodes, and at most `budget`
 * distances are computed. The query was loaded before. Where `s.recording`, and without `bits`, the keys of expanded nodes
 * are left in `s.results`, as far as there is room.
 */
export function walk<S>(
  g: Graph, s: Slot, layer: u32, starts: u32, ef: u32, width: u32, bits: usize, budget: u32,
): u32 {
  const scorer = changetype<S>(0);
  const pool = s.pool;
  const gathered = s.gathered;
  const visited = s.visited;
  const slots = g.slots(layer);
  memory.fill(visited, 0, s.visitedBytes);
  for (let i: u32 = 0; i < starts; i++) firstSight(visited, load<u32>(gathered + (<usize>i << 2)));
  const start = s.scored;
  const seeds = scoreGathered<S>(g, s, starts, f32.POSITIVE_INFINITY);
  sortKeys(s.batch, seeds);
  let size = min(seeds, width);
  memory.copy(pool, s.batch, <usize>size << 3);
  let dropped = seeds > width;
  let found: u32 = 0;
  if (bits) {
    found = min(ef, keepMatching(s.batch, seeds, bits));
    memory.copy(s.results, s.batch, <usize>found << 3);
  }
  const noting = s.recording != 0 && bits == 0;
  let noted: u32 = 0;
  /** Keys from this place on are kept, but not expanded. */
  const beam = bits ? width : ef;
  /** Every key before this place is expanded. */
  let next: u32 = 0;
  let sink: u32 = 0;
  while (true) {
    // What a node must beat to matter.
    let bound = f32.POSITIVE_INFINITY;
    if (bits) {
      if (found == ef) bound = distanceOf(keyAt(s.results, ef - 1));
      if (s.scored - start > budget) {
        dropped = true;
        break;
      }
    } else if (size == width) bound = distanceOf(keyAt(pool, width - 1));

    // Choose up to WIDTH candidates and touch their lists, then gather their neighbours not seen before.
    let chosen: u32 = 0;
    for (; next < min(size, beam) && chosen < WIDTH; next++) {
      const key = keyAt(pool, next);
      if (key & 1) continue;
      if (bits && distanceOf(key) > bound) break;
      setKey(pool, next, key | 1);
      if (noting && noted < s.poolLength) setKey(s.results, noted++, key);
      const list = g.list(layer, nodeOf(key));
      sink += touchList(list, slots);
      store<usize>(s.kept + (<usize>chosen << 2), list);
      chosen++;
    }
    let length: u32 = 0;
    for (let i: u32 = 0; i < chosen; i++) {
      let at = load<usize>(s.kept + (<usize>i << 2));
      const end = at + (<usize>slots << 2);
      for (; at < end; at += 4) {
        const node = load<u32>(at);
        if (node == NONE) break;
        store<u32>(gathered + (<usize>length << 2), node);
        length += firstSight(visited, node);
      }
    }
    if (!chosen) break;
    s.expanded += chosen;
    if (!length) continue;
    for (let i: u32 = 0; i < length; i++) sink += scorer.touch(g, load<u32>(gathered + (<usize>i << 2)));

    const taken = scoreGathered<S>(g, s, length, bound);
    if (!taken) continue;
    sortKeys(s.batch, taken);
    if (bits && size + taken > width) dropped = true;
    next = min(next, mergeKeys(pool, size, width, s.batch, taken));
    size = min(width, size + taken);
    if (bits) {
      const matching = keepMatching(s.batch, taken, bits);
      if (matching) {
        mergeKeys(s.results, found, ef, s.batch, matching);
        found = min(ef, found + matching);
      }
    }
  }
  s.sink = sink;
  s.recorded = noted;
  // Less than full, and nothing was dropped: everything within reach was seen.
  s.exhausted = <u32>(bits ? found < ef && !dropped : size < width);
  return bits ? found : size;
}

/** From `entry` in the top layer greedily down to the nearest node found in layer `target` + 1. */
export function descend<S>(g: Graph, s: Slot, target: u32): u32 {
  const scorer = changetype<S>(0);
  const gathered = s.gathered;
  let best = g.entry;
  let bestDistance = f32x4.extract_lane(scorer.score4(g, s, best, best, best, best), 0);
  s.scored++;
  for (let layer = <u32>g.top; layer > target; layer--) {
    const slots = g.slots(layer);
    while (true) {
      let length: u32 = 0;
      const list = g.list(layer, best);
      for (; length < slots; length++) {
        const node = load<u32>(list + (<usize>length << 2));
        if (node == NONE) break;
        store<u32>(gathered + (<usize>length << 2), node);
      }
      if (!length) break;
      const taken = scoreGathered<S>(g, s, length, bestDistance);
      s.expanded++;
      if (!taken) break;
      let nearest = keyAt(s.batch, 0);
      for (let i: u32 = 1; i < taken; i++) nearest = min(nearest, keyAt(s.batch, i));
      best = nodeOf(nearest);
      bestDistance = distanceOf(nearest);
    }
  }
  return best;
}

/** Puts where a walk of layer 0 starts into `s.gathered`; returns how many nodes that are. */
export function begin<S>(g: Graph, s: Slot): u32 {
  if (!g.entries) return beginAt(s, descend<S>(g, s, 0));
  memory.copy(s.gathered, g.entries, <usize>g.entryCount << 2);
  return g.entryCount;
}

/** The same for a walk that starts at one node. */
// @ts-ignore: decorator
@inline
export function beginAt(s: Slot, node: u32): u32 {
  store<u32>(s.gathered, node);
  return 1;
}

/** A node's key. */
// @ts-ignore: decorator
@inline
export function nodeKey(distance: f32, node: u32): u64 {
  return keyOf(distance, node << 1);
}
