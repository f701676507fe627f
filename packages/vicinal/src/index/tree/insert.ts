/**
 * Puts further vectors into a built tree: each goes down to the leaf of the nearest pivots, whose balls grow where they
 * must. Pivots stay, so this is for few vectors, such as those that were withheld for measuring.
 */
import type { VectorStore } from "../vector-store.js";
import { geometryOf } from "./split.js";
import { CHILDREN, FIRST, LENGTH, NODE_WORDS, RADIUS, REACH, START, type TreeLayout } from "./tree-memory.js";

/** `layout.order` holds the tree's rows and has room for the added ones behind them. */
export function insertIntoTree(store: VectorStore, layout: TreeLayout, added: Uint32Array): void {
  const { arena, scratch } = store;
  const before = arena.u32.slice(layout.order >>> 2, (layout.order >>> 2) + layout.count - added.length);
  const byLeaf = new Map<number, number[]>();
  for (const ordinal of added) {
    scratch.putQuery(store.view(ordinal));
    const leaf = descend(store, layout);
    const rows = byLeaf.get(leaf);
    if (rows) rows.push(ordinal);
    else byLeaf.set(leaf, [ordinal]);
  }
  // Ranges first by leaf, in their old order, then bottom up: a parent's starts where its first child's does.
  const nodes = arena.u32.subarray(layout.nodes >>> 2, (layout.nodes >>> 2) + layout.nodeCount * NODE_WORDS);
  const leaves: number[] = [];
  for (let node = 0; node < layout.nodeCount; node++)
    if (nodes[node * NODE_WORDS + CHILDREN] === 0) leaves.push(node);
  leaves.sort((a, b) => nodes[a * NODE_WORDS + START] - nodes[b * NODE_WORDS + START]);
  let at = 0;
  for (const leaf of leaves) {
    const place = leaf * NODE_WORDS;
    const own = before.subarray(nodes[place + START], nodes[place + START] + nodes[place + LENGTH]);
    const more = byLeaf.get(leaf) ?? [];
    arena.u32.set(own, (layout.order >>> 2) + at);
    arena.u32.set(more, (layout.order >>> 2) + at + own.length);
    nodes[place + START] = at;
    nodes[place + LENGTH] = own.length + more.length;
    at += own.length + more.length;
  }
  for (let node = layout.nodeCount - 1; node >= 0; node--) {
    const place = node * NODE_WORDS;
    const first = nodes[place + FIRST];
    if (nodes[place + CHILDREN] === 0) continue;
    let length = 0;
    for (let i = 0; i < nodes[place + CHILDREN]; i++) length += nodes[(first + i) * NODE_WORDS + LENGTH];
    nodes[place + START] = nodes[first * NODE_WORDS + START];
    nodes[place + LENGTH] = length;
  }
}

/** The leaf for the scratch's query; the balls on the way take it in. */
function descend(store: VectorStore, layout: TreeLayout): number {
  const { arena, kernels, scratch, dimensions } = store;
  const { u32, f32 } = arena;
  const geometry = geometryOf(store);
  let length = 0;
  for (let i = 0; i < dimensions; i++) length += f32[(scratch.query >>> 2) + i] ** 2;
  length = Math.sqrt(length);
  const nearest = (first: number, children: number) => {
    const pivots = layout.pivots + first * dimensions * 4;
    const { keys, ordinals, distances, query } = scratch;
    kernels.scan(geometry, query, pivots, dimensions, children, 0, 1, keys, ordinals, distances);
    return { node: first + u32[ordinals >>> 2], distance: f32[distances >>> 2] };
  };
  let { node, distance } = nearest(0, 1);
  for (;;) {
    const place = (layout.nodes >>> 2) + node * NODE_WORDS;
    f32[place + RADIUS] = Math.max(f32[place + RADIUS], geometry === 0 ? Math.sqrt(distance) : distance);
    f32[place + REACH] = Math.max(f32[place + REACH], length);
    const children = u32[place + CHILDREN];
    if (children === 0) return node;
    ({ node, distance } = nearest(u32[place + FIRST], children));
  }
}
