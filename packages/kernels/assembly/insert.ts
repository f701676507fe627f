// Building the graph: nodes are inserted one after the other (Malkov, Yashunin 2018, algorithms 1, 3 and 4).
//
// Neighbours are chosen by the paper's heuristic as hnswlib has it: candidates in order of distance, one is kept if it
// is nearer to the new node than to every one kept before; fewer candidates than wanted are all kept; a list that
// is full when a back link arrives is chosen anew from its neighbours and the new one.
// Deviation: equal vectors. Their distance is 0, so they would fill each other's lists and cut the way out; at most
// half of a list goes to vectors at distance 0. And `repair` attaches what the pruning of back links cut off, so that
// every node can be reached from the entry.

import { Graph, NONE, Slot } from "./graph";
import { distanceOf } from "./keys";
import { descend, keyAt, nodeKey, nodeOf, setKey, sortKeys, walk } from "./walk";

/** Number of neighbours in a list. */
function degree(list: usize, slots: u32): u32 {
  let length: u32 = 0;
  while (length < slots && load<u32>(list + (<usize>length << 2)) != NONE) length++;
  return length;
}

/**
 * Chooses at most `most` of `length` candidates (rising keys); puts them into `s.kept` and returns how many. A distance
 * of 0 stands for an equal vector (under the inner product for an orthogonal one, which is rare and does no harm).
 */
function choose<S>(g: Graph, s: Slot, candidates: usize, length: u32, most: u32): u32 {
  const scorer = changetype<S>(0);
  const kept = s.kept;
  if (length < most) {
    for (let i: u32 = 0; i < length; i++) store<u32>(kept + (<usize>i << 2), nodeOf(keyAt(candidates, i)));
    return length;
  }
  const mostEqual = (most + 1) >> 1;
  let count: u32 = 0;
  let equal: u32 = 0;
  for (let i: u32 = 0; i < length && count < most; i++) {
    const key = keyAt(candidates, i);
    const node = nodeOf(key);
    const distance = distanceOf(key);
    if (distance == 0) {
      if (equal == mostEqual) continue;
      equal++;
    } else if (count > 0) {
      scorer.loadNode(g, s, node);
      const limit = f32x4.splat(distance);
      let occluded = false;
      for (let j: u32 = 0; j < count; j += 4) {
        const at = kept + (<usize>j << 2);
        const d = scorer.score4(g, s, load<u32>(at), load<u32>(at, 4), load<u32>(at, 8), load<u32>(at, 12));
        if (v128.any_true(f32x4.lt(d, limit))) {
          occluded = true;
          break;
        }
      }
      if (occluded) continue;
    }
    // Three more copies: groups of four past the end compare with the last one again.
    const at = kept + (<usize>count << 2);
    store<u32>(at, node);
    store<u32>(at, node, 4);
    store<u32>(at, node, 8);
    store<u32>(at, node, 12);
    count++;
  }
  return count;
}

/** Writes the kept nodes as a list. */
function writeList(s: Slot, list: usize, slots: u32, count: u32): void {
  memory.copy(list, s.kept, <usize>count << 2);
  if (count < slots) memory.fill(list + (<usize>count << 2), 0xff, <usize>(slots - count) << 2);
}

/** Adds `node`, at the distance in `key`, to the list of `owner`; a full list is chosen anew. Overwrites the loaded query. */
function addBackLink<S>(g: Graph, s: Slot, layer: u32, owner: u32, node: u32, distance: f32): void {
  const scorer = changetype<S>(0);
  const slots = g.slots(layer);
  const list = g.list(layer, owner);
  const length = degree(list, slots);
  if (length < slots) {
    store<u32>(list + (<usize>length << 2), node);
    return;
  }
  scorer.loadNode(g, s, owner);
  const ranked = s.ranked;
  for (let i: u32 = 0; i < slots; i += 4) {
    const a = load<u32>(list + (<usize>i << 2));
    const b = load<u32>(list + (<usize>min(i + 1, slots - 1) << 2));
    const c = load<u32>(list + (<usize>min(i + 2, slots - 1) << 2));
    const d = load<u32>(list + (<usize>min(i + 3, slots - 1) << 2));
    const distances = scorer.score4(g, s, a, b, c, d);
    // The room behind `slots` keys takes what a last group writes too much.
    setKey(ranked, i, nodeKey(f32x4.extract_lane(distances, 0), a));
    setKey(ranked, i + 1, nodeKey(f32x4.extract_lane(distances, 1), b));
    setKey(ranked, i + 2, nodeKey(f32x4.extract_lane(distances, 2), c));
    setKey(ranked, i + 3, nodeKey(f32x4.extract_lane(distances, 3), d));
  }
  setKey(ranked, slots, nodeKey(distance, node));
  sortKeys(ranked, slots + 1);
  writeList(s, list, slots, choose<S>(g, s, ranked, slots + 1, slots));
}

function insert<S>(g: Graph, s: Slot, node: u32, ef: u32): void {
  const scorer = changetype<S>(0);
  const level = g.level(node);
  for (let layer: u32 = 0; layer <= level; layer++) memory.fill(g.list(layer, node), 0xff, <usize>g.slots(layer) << 2);
  if (g.entry == NONE) {
    g.entry = node;
    g.top = level;
    return;
  }
  const top = <u32>g.top;
  scorer.loadNode(g, s, node);
  let entry = descend<S>(g, s, level);
  for (let layer = <i32>min(level, top); layer >= 0; layer--) {
    if (layer < <i32>min(level, top)) scorer.loadNode(g, s, node);
    const size = walk<S>(g, s, layer, entry, ef, ef, 0, 0);
    entry = nodeOf(keyAt(s.pool, 0));
    const slots = g.slots(layer);
    const count = choose<S>(g, s, s.pool, size, g.upperSlots);
    const list = g.list(layer, node);
    writeList(s, list, slots, count);
    // The beam holds the distances of the chosen ones, in the same order.
    for (let i: u32 = 0, j: u32 = 0; i < count; i++) {
      const owner = load<u32>(list + (<usize>i << 2));
      while (nodeOf(keyAt(s.pool, j)) != owner) j++;
      addBackLink<S>(g, s, layer, owner, node, distanceOf(keyAt(s.pool, j)));
    }
  }
  if (level > top) {
    g.top = level;
    g.entry = node;
  }
}

/** Inserts the nodes of a list, in its order. */
export function insertNodes<S>(g: Graph, s: Slot, list: usize, length: u32, ef: u32): void {
  for (let i: u32 = 0; i < length; i++) insert<S>(g, s, load<u32>(list + (<usize>i << 2)), ef);
}

/** Marks everything within reach of the nodes on the stack (of `size`), in layer 0. */
function spread(g: Graph, reached: usize, stack: usize, size: u32): void {
  const slots = g.linkSlots;
  while (size > 0) {
    const node = load<u32>(stack + (<usize>(--size) << 2));
    const list = g.list(0, node);
    for (let i: u32 = 0; i < slots; i++) {
      const neighbour = load<u32>(list + (<usize>i << 2));
      if (neighbour == NONE) break;
      const at = reached + ((<usize>neighbour >> 5) << 2);
      const word = load<u32>(at);
      const bit: u32 = 1 << (neighbour & 31);
      if (word & bit) continue;
      store<u32>(at, word | bit);
      store<u32>(stack + (<usize>(size++) << 2), neighbour);
    }
  }
}

// @ts-ignore: decorator
@inline
function isSet(bits: usize, i: u32): bool {
  return ((load<u32>(bits + ((<usize>i >> 5) << 2)) >> (i & 31)) & 1) != 0;
}

/** Marks a node as reached and spreads from it. */
function reach(g: Graph, reached: usize, stack: usize, node: u32): void {
  const at = reached + ((<usize>node >> 5) << 2);
  store<u32>(at, load<u32>(at) | (1 << (node & 31)));
  store<u32>(stack, node);
  spread(g, reached, stack, 1);
}

/**
 * Attaches every node of 0..count-1 that layer 0 does not lead to from the entry: to its nearest reached node with
 * a free slot, else to any reached node with one. `reached` takes count bits, `stack` count u32. Returns how many.
 */
export function repairGraph<S>(g: Graph, s: Slot, count: u32, ef: u32, reached: usize, stack: usize): u32 {
  if (g.entry == NONE) return 0;
  const scorer = changetype<S>(0);
  const slots = g.linkSlots;
  memory.fill(reached, 0, ((<usize>count + 31) >> 5) << 2);
  reach(g, reached, stack, g.entry);
  let attached: u32 = 0;
  let spare: u32 = 0;
  for (let node: u32 = 0; node < count; node++) {
    if (isSet(reached, node)) continue;
    scorer.loadNode(g, s, node);
    const entry = descend<S>(g, s, 0);
    const size = walk<S>(g, s, 0, entry, ef, ef, 0, 0);
    let owner = NONE;
    for (let i: u32 = 0; i < size && owner == NONE; i++) {
      const candidate = nodeOf(keyAt(s.pool, i));
      if (isSet(reached, candidate) && degree(g.list(0, candidate), slots) < slots) owner = candidate;
    }
    for (; owner == NONE && spare < count; spare++) {
      if (isSet(reached, spare) && degree(g.list(0, spare), slots) < slots) {
        owner = spare;
        break;
      }
    }
    if (owner != NONE) {
      const list = g.list(0, owner);
      store<u32>(list + (<usize>degree(list, slots) << 2), node);
      attached++;
    }
    reach(g, reached, stack, node);
  }
  return attached;
}
