// What nothing leads to is attached, so that every node can be reached from the root: the spanning tree of NSG (Fu et al.
// 2019, algorithm 2), and the remedy where pruning of back links cuts nodes of any graph off.

import { degree, Graph, NONE, Slot } from "./graph";
import { begin, keyAt, nodeOf, walk } from "./walk";

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
 * Attaches every node of 0..count-1 that layer 0 does not lead to from the root: to its nearest reached node with
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
    const size = walk<S>(g, s, 0, begin<S>(g, s), ef, ef, 0, 0);
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
