// Building a layered graph: nodes are inserted one after the other (Malkov, Yashunin 2018, algorithms 1 and 3). A full
// list that gets a back link is chosen anew from its neighbours and the new one, as in hnswlib; see neighbours.ts.
//
// An insertion has two halves, so that threads can share the work (ParlayANN: Dobson et al. 2023). The nodes of a batch
// choose their neighbours in the graph as it was before the batch, each in its own lists, to which nothing leads yet;
// then every thread gives those links back that end at nodes of its share. Whatever the number of threads, a list
// gets its links in the order of the batch: the graph is the same.

import { degree, Graph, NONE, Slot } from "./graph";
import { distanceOf } from "./keys";
import { addBackLink, choose, rankList, writeList } from "./neighbours";
import { beginAt, descend, keyAt, nodeOf, walk } from "./walk";

/** First half: chooses a node's neighbours, in all its layers. */
function place<S>(g: Graph, s: Slot, node: u32, ef: u32): void {
  const scorer = changetype<S>(0);
  const level = g.level(node);
  for (let layer: u32 = 0; layer <= level; layer++) memory.fill(g.list(layer, node), 0xff, <usize>g.slots(layer) << 2);
  if (g.entry == NONE) return;
  const highest = <i32>min(level, <u32>g.top);
  scorer.loadNode(g, s, node);
  let entry = descend<S>(g, s, level);
  for (let layer = highest; layer >= 0; layer--) {
    if (layer < highest) scorer.loadNode(g, s, node);
    const size = walk<S>(g, s, layer, beginAt(s, entry), ef, ef, 0, 0);
    entry = nodeOf(keyAt(s.pool, 0));
    const count = choose<S>(g, s, s.pool, size, g.upperSlots, 1);
    writeList(s, g.list(layer, node), g.slots(layer), count);
  }
}

/** Second half: gives a node's links back, those that end at nodes of a share. */
function giveBack<S>(g: Graph, s: Slot, node: u32, share: u32, shares: u32): void {
  const level = g.level(node);
  for (let layer: u32 = 0; layer <= level; layer++) {
    const slots = g.slots(layer);
    const list = g.list(layer, node);
    const length = degree(list, slots);
    let count: u32 = 0;
    for (let i: u32 = 0; i < length; i++) {
      const owner = load<u32>(list + (<usize>i << 2));
      if (owner % shares != share) continue;
      store<u32>(s.gathered + (<usize>count << 2), owner);
      count++;
    }
    rankList<S>(g, s, node, s.gathered, count);
    // Apart, since choosing a list anew ranks that one.
    memory.copy(s.candidates, s.ranked, <usize>count << 3);
    for (let i: u32 = 0; i < count; i++) {
      const key = keyAt(s.candidates, i);
      addBackLink<S>(g, s, layer, nodeOf(key), node, distanceOf(key), slots, 1);
    }
  }
}

/** The first half for the nodes of a list. */
export function placeNodes<S>(g: Graph, s: Slot, list: usize, length: u32, ef: u32): void {
  for (let i: u32 = 0; i < length; i++) place<S>(g, s, load<u32>(list + (<usize>i << 2)), ef);
}

/** The second half for the nodes of a list, for one of so many shares of the graph's nodes. None rises above the top. */
export function giveBackAll<S>(g: Graph, s: Slot, list: usize, length: u32, share: u32, shares: u32): void {
  for (let i: u32 = 0; i < length; i++) giveBack<S>(g, s, load<u32>(list + (<usize>i << 2)), share, shares);
}

/** Inserts the nodes of a list, one after the other. */
export function insertNodes<S>(g: Graph, s: Slot, list: usize, length: u32, ef: u32): void {
  for (let i: u32 = 0; i < length; i++) {
    const node = load<u32>(list + (<usize>i << 2));
    place<S>(g, s, node, ef);
    giveBack<S>(g, s, node, 0, 1);
    const level = <i32>g.level(node);
    if (level > g.top) {
      g.top = level;
      g.entry = node;
    }
  }
}
