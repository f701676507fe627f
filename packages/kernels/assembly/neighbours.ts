// Choosing a node's neighbours, and keeping its list: what all graphs share.
//
// One rule serves the heuristic of HNSW (Malkov, Yashunin 2018, algorithm 4), the edge selection of NSG (Fu et al. 2019,
// MRNG) and RobustPrune of Vamana (Subramanya et al. 2019): candidates are taken in order of distance, and one is
// passed over if a neighbour chosen before occludes it, that is, if their distance is below `factor` times its own
// distance to the owner.
//
//   factor   1 for HNSW and NSG. For Vamana 1 / alpha, squared where distances are; for the inner product, whose distances
//            are negative, alpha itself: an occluder's product with the candidate must be alpha times the owner's.
//
// Deviations: fewer candidates than wanted are all kept (as hnswlib does); alpha applies to what is left once the strict
// rule has chosen (as DiskANN's code does). Equal vectors are at distance 0, would fill
// each other's lists and cut the way out: at most half of a list goes to vectors at distance 0.

import { degree, Graph, Slot } from "./graph";
import { distanceOf } from "./keys";
import { keyAt, nodeKey, nodeOf, setKey, sortKeys } from "./walk";

/** Whether one of the `count` kept nodes occludes `node`: is nearer to it than `limit`. */
// @ts-ignore: decorator
@inline
function occluded<S>(g: Graph, s: Slot, node: u32, count: u32, limit: f32): bool {
  const scorer = changetype<S>(0);
  scorer.loadNode(g, s, node);
  const limits = f32x4.splat(limit);
  for (let j: u32 = 0; j < count; j += 4) {
    const at = s.kept + (<usize>j << 2);
    const d = scorer.score4(g, s, load<u32>(at), load<u32>(at, 4), load<u32>(at, 8), load<u32>(at, 12));
    if (v128.any_true(f32x4.lt(d, limits))) return true;
  }
  return false;
}

/** Puts a node behind `count` kept ones, and three more copies: groups of four past the end compare with the last again. */
// @ts-ignore: decorator
@inline
function keepNode(s: Slot, count: u32, node: u32): void {
  const at = s.kept + (<usize>count << 2);
  store<u32>(at, node);
  store<u32>(at, node, 4);
  store<u32>(at, node, 8);
  store<u32>(at, node, 12);
}

/** One round over candidates that were not chosen yet, beside `count` that were; returns how many there are then. */
function chooseMore<S>(
  g: Graph, s: Slot, candidates: usize, length: u32, most: u32, factor: f32, count: u32,
): u32 {
  // Those at distance 0 are chosen in the first round, if at all.
  let mostEqual = count ? 0 : (most + 1) >> 1;
  for (let i: u32 = 0; i < length && count < most; i++) {
    const key = keyAt(candidates, i);
    if (key & 1) continue;
    const node = nodeOf(key);
    const distance = distanceOf(key);
    if (distance == 0) {
      if (!mostEqual) continue;
      mostEqual--;
    } else if (count > 0 && occluded<S>(g, s, node, count, distance * factor)) continue;
    setKey(candidates, i, key | 1);
    keepNode(s, count++, node);
  }
  return count;
}

/**
 * Chooses at most `most` of `length` candidates (rising keys); puts them into `s.kept` and returns how many. The lowest bit
 * of each key then says whether it was chosen. With another factor than 1, what the strict rule chooses comes
 * first, so that a list too short for all has links of every length. A distance of 0 stands for an equal vector (under
 * the inner product for an orthogonal one, which is rare and does no harm).
 */
export function choose<S>(g: Graph, s: Slot, candidates: usize, length: u32, most: u32, factor: f32): u32 {
  const all = length < most;
  for (let i: u32 = 0; i < length; i++) {
    const key = keyAt(candidates, i) & ~1;
    setKey(candidates, i, all ? key | 1 : key);
    if (all) keepNode(s, i, nodeOf(key));
  }
  if (all) return length;
  const count = chooseMore<S>(g, s, candidates, length, most, 1, 0);
  return factor == 1 ? count : chooseMore<S>(g, s, candidates, length, most, factor, count);
}

/** Writes the kept nodes as a list. */
export function writeList(s: Slot, list: usize, slots: u32, count: u32): void {
  memory.copy(list, s.kept, <usize>count << 2);
  if (count < slots) memory.fill(list + (<usize>count << 2), 0xff, <usize>(slots - count) << 2);
}

/** Puts the keys of a list's nodes into `s.ranked`, as they are near to its owner, and loads the owner. */
export function rankList<S>(g: Graph, s: Slot, owner: u32, list: usize, length: u32): void {
  const scorer = changetype<S>(0);
  const ranked = s.ranked;
  if (!length) return;
  scorer.loadNode(g, s, owner);
  const last = length - 1;
  for (let i: u32 = 0; i < length; i += 4) {
    const a = load<u32>(list + (<usize>i << 2));
    const b = load<u32>(list + (<usize>min(i + 1, last) << 2));
    const c = load<u32>(list + (<usize>min(i + 2, last) << 2));
    const d = load<u32>(list + (<usize>min(i + 3, last) << 2));
    const distances = scorer.score4(g, s, a, b, c, d);
    // The room behind the keys takes what a last group writes too much.
    setKey(ranked, i, nodeKey(f32x4.extract_lane(distances, 0), a));
    setKey(ranked, i + 1, nodeKey(f32x4.extract_lane(distances, 1), b));
    setKey(ranked, i + 2, nodeKey(f32x4.extract_lane(distances, 2), c));
    setKey(ranked, i + 3, nodeKey(f32x4.extract_lane(distances, 3), d));
  }
}

/**
 * Adds `node`, at `distance`, to the list of `owner`, unless it is there; a full list is chosen anew and has `most` nodes
 * then. Overwrites the loaded query.
 */
export function addBackLink<S>(
  g: Graph, s: Slot, layer: u32, owner: u32, node: u32, distance: f32, most: u32, factor: f32,
): void {
  const slots = g.slots(layer);
  const list = g.list(layer, owner);
  const length = degree(list, slots);
  for (let i: u32 = 0; i < length; i++) if (load<u32>(list + (<usize>i << 2)) == node) return;
  if (length < slots) {
    store<u32>(list + (<usize>length << 2), node);
    return;
  }
  rankList<S>(g, s, owner, list, slots);
  setKey(s.ranked, slots, nodeKey(distance, node));
  sortKeys(s.ranked, slots + 1);
  writeList(s, list, slots, choose<S>(g, s, s.ranked, slots + 1, most, factor));
}
