// Making every vertex of a quantized graph reachable from its root.
//
// As NSG does it: a tree is spread from the entries over the links; a vertex outside is linked from the nearest vertex
// inside, in a free lane or in the place of the farthest link that the tree does not need, and the tree is spread on.

import { BLOCK } from "./fast-scan";
import { NONE, QGraph, QSlot } from "./qgraph";
import { encodeEdge, laneOf, neighbour } from "./qgraph-encode";
import { findNear } from "./qgraph-link";
import { keyAt } from "./walk";

// @ts-ignore: decorator
@inline
function parentOf(parents: usize, node: u32): u32 {
  return load<u32>(parents + (<usize>node << 2));
}

// @ts-ignore: decorator
@inline
function setParent(parents: usize, node: u32, parent: u32): void {
  store<u32>(parents + (<usize>node << 2), parent);
}

/** Spreads the tree from `node`, of which it is the next branch. */
function spread(g: QGraph, parents: usize, stack: usize, node: u32): void {
  store<u32>(stack, node);
  let size: u32 = 1;
  while (size > 0) {
    const from = load<u32>(stack + (<usize>(--size) << 2));
    const record = g.record(from);
    for (let lane: u32 = 0; lane < g.degree; lane++) {
      const to = neighbour(g, record, lane);
      if (to == NONE || parentOf(parents, to) != NONE) continue;
      setParent(parents, to, from);
      store<u32>(stack + (<usize>(size++) << 2), to);
    }
  }
}

/** A lane of the vertex that may be overwritten without cutting the tree; `degree` when there is none. */
function spareLane(g: QGraph, parents: usize, owner: u32): u32 {
  const record = g.record(owner);
  const free = laneOf(g, record, NONE);
  if (free < g.degree) return free;
  let best = g.degree;
  let farthest: u64 = 0;
  for (let i: u32 = 0; i < g.degree; i++) {
    const key = keyAt(g.linksOf(owner), i);
    if (key == ~0) continue;
    const to = <u32>key >> 1;
    if (parentOf(parents, to) == owner || key < farthest) continue;
    const lane = laneOf(g, record, to);
    if (lane == g.degree) continue;
    best = lane;
    farthest = key;
  }
  return best;
}

/**
 * Links every vertex that the root does not lead to; `parents` and `stack` take a u32 per vertex. The links' keys are not
 * kept up: this is the end of a build. Returns how many were linked.
 */
export function qgraphRepair(g: QGraph, s: QSlot, ef: u32, parents: usize, stack: usize): u32 {
  memory.fill(parents, 0xff, <usize>g.count << 2);
  for (let lane: u32 = 0; lane < g.rootBlocks * BLOCK; lane++) {
    const entry = neighbour(g, g.root, lane);
    if (entry == NONE || parentOf(parents, entry) != NONE) continue;
    setParent(parents, entry, entry);
    spread(g, parents, stack, entry);
  }
  let linked: u32 = 0;
  let spare: u32 = 0;
  for (let node: u32 = 0; node < g.count; node++) {
    if (parentOf(parents, node) != NONE) continue;
    const found = findNear(g, s, node, ef);
    let owner = NONE;
    let lane = g.degree;
    for (let i: u32 = 0; i < found && lane == g.degree; i++) {
      owner = <u32>keyAt(s.results, i);
      if (owner != node && parentOf(parents, owner) != NONE) lane = spareLane(g, parents, owner);
    }
    // Any vertex of the tree, where all near ones are full of the tree's own links.
    for (; lane == g.degree && spare < g.count; spare++) {
      owner = spare;
      if (parentOf(parents, owner) != NONE) lane = spareLane(g, parents, owner);
      if (lane < g.degree) break;
    }
    if (lane == g.degree) break;
    encodeEdge(g, g.record(owner), lane, node, g.turned(node), g.turned(owner));
    setParent(parents, node, owner);
    spread(g, parents, stack, node);
    linked++;
  }
  return linked;
}
