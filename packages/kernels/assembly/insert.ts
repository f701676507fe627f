// Building a layered graph: nodes are inserted one after the other (Malkov, Yashunin 2018, algorithms 1 and 3). A full
// list that gets a back link is chosen anew from its neighbours and the new one, as in hnswlib; see neighbours.ts.

import { Graph, NONE, Slot } from "./graph";
import { distanceOf } from "./keys";
import { addBackLink, choose, writeList } from "./neighbours";
import { beginAt, descend, keyAt, nodeOf, walk } from "./walk";

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
    const size = walk<S>(g, s, layer, beginAt(s, entry), ef, ef, 0, 0);
    entry = nodeOf(keyAt(s.pool, 0));
    const slots = g.slots(layer);
    const count = choose<S>(g, s, s.pool, size, g.upperSlots, 1);
    const list = g.list(layer, node);
    writeList(s, list, slots, count);
    for (let i: u32 = 0; i < size; i++) {
      const key = keyAt(s.pool, i);
      if (key & 1) addBackLink<S>(g, s, layer, nodeOf(key), node, distanceOf(key), slots, 1);
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
