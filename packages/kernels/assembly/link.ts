// Building a flat graph: a node's list is chosen from what a walk to the node comes across, and from what is in it.
//
//   source     where walks go;  target  where lists are written (the same graph, except for NSG)
//   visited    candidates are the nodes that the walk expanded (Vamana), else the best `width` of all that it scored (NSG)
//   most       neighbours that are chosen
//   keep       neighbours that a full list keeps when it gets one more; 0: no links back now, but later by `linkBack` (NSG)

import { degree, Graph, MOST_CANDIDATES, Slot } from "./graph";
import { distanceOf } from "./keys";
import { addBackLink, choose, rankList, writeList } from "./neighbours";
import { begin, keyAt, nodeOf, setKey, sortKeys, walk } from "./walk";

/**
 * Merges `a` and `b`, rising keys, into `s.candidates`, without flags, repetition and `node` itself; returns how many
 * there are.
 */
function mergeCandidates(s: Slot, node: u32, a: usize, aLength: u32, b: usize, bLength: u32): u32 {
  let count: u32 = 0;
  let i: u32 = 0;
  let j: u32 = 0;
  let last: u64 = 0;
  while (count < MOST_CANDIDATES && (i < aLength || j < bLength)) {
    const left = i < aLength ? keyAt(a, i) & ~1 : u64.MAX_VALUE;
    const right = j < bLength ? keyAt(b, j) & ~1 : u64.MAX_VALUE;
    const key = min(left, right);
    if (left <= right) i++;
    else j++;
    if (nodeOf(key) == node || (count > 0 && key == last)) continue;
    setKey(s.candidates, count++, key);
    last = key;
  }
  return count;
}

/** The candidates of a node, in `s.candidates`. */
function collect<S>(source: Graph, s: Slot, node: u32, ef: u32, width: u32, visited: bool): u32 {
  changetype<S>(0).loadNode(source, s, node);
  s.recording = <u32>visited;
  const size = walk<S>(source, s, 0, begin<S>(source, s), ef, width, 0, 0);
  s.recording = 0;
  const own = source.list(0, node);
  const ownLength = degree(own, source.linkSlots);
  rankList<S>(source, s, node, own, ownLength);
  sortKeys(s.ranked, ownLength);
  if (!visited) return mergeCandidates(s, node, s.pool, size, s.ranked, ownLength);
  sortKeys(s.results, s.recorded);
  return mergeCandidates(s, node, s.results, s.recorded, s.ranked, ownLength);
}

/** Links the nodes of a list, in its order; see above. */
export function linkNodes<S>(
  source: Graph, target: Graph, s: Slot, nodes: usize, length: u32, ef: u32, width: u32, visited: bool, most: u32,
  keep: u32, factor: f32,
): void {
  for (let i: u32 = 0; i < length; i++) {
    const node = load<u32>(nodes + (<usize>i << 2));
    const found = collect<S>(source, s, node, ef, width, visited);
    const count = choose<S>(source, s, s.candidates, found, most, factor);
    writeList(s, target.list(0, node), target.linkSlots, count);
    if (!keep) continue;
    for (let j: u32 = 0; j < found; j++) {
      const key = keyAt(s.candidates, j);
      if (key & 1) addBackLink<S>(target, s, 0, nodeOf(key), node, distanceOf(key), keep, factor);
    }
  }
}

/** Gives every link of the nodes of a list its link back; full lists are chosen anew. */
export function linkBack<S>(g: Graph, s: Slot, nodes: usize, length: u32, keep: u32, factor: f32): void {
  for (let i: u32 = 0; i < length; i++) {
    const node = load<u32>(nodes + (<usize>i << 2));
    const list = g.list(0, node);
    const count = degree(list, g.linkSlots);
    rankList<S>(g, s, node, list, count);
    // Apart, since choosing a neighbour's list anew ranks that one.
    memory.copy(s.candidates, s.ranked, <usize>count << 3);
    for (let j: u32 = 0; j < count; j++) {
      const key = keyAt(s.candidates, j);
      addBackLink<S>(g, s, 0, nodeOf(key), node, distanceOf(key), keep, factor);
    }
  }
}

/** Copies lists of a graph with more slots into one with fewer; what has more neighbours is chosen anew. */
export function trimLists<S>(source: Graph, target: Graph, s: Slot, nodes: usize, length: u32, factor: f32): void {
  const slots = target.linkSlots;
  for (let i: u32 = 0; i < length; i++) {
    const node = load<u32>(nodes + (<usize>i << 2));
    const list = source.list(0, node);
    let count = degree(list, source.linkSlots);
    if (count > slots) {
      rankList<S>(source, s, node, list, count);
      sortKeys(s.ranked, count);
      count = choose<S>(source, s, s.ranked, count, slots, factor);
    } else memory.copy(s.kept, list, <usize>count << 2);
    writeList(s, target.list(0, node), slots, count);
  }
}
