/**
 * Extending a graph: the nodes of an older one are copied under their new ordinals, with codes and links, so that only
 * what is new must be inserted. Links to vectors that are gone are dropped; the repair at the end of a build attaches what
 * that cuts off, and a graph that lost many is built anew instead.
 */
import { yieldToOthers } from "../../runtime/cancel.js";
import type { VectorIndex } from "../contract.js";
import type { VectorStore } from "../vector-store.js";
import { GraphIndex, type GraphKind } from "./graph-index.js";
import { type GraphLayout, type GraphShape, NO_NODE } from "./graph-memory.js";

/** Beyond this share of vectors gone, a graph is built anew: its lists would be too thin. */
const MOST_LOST = 0.1;
/** The old graph must hold at least this share of the new one: its mean and its entry must fit the rest. */
const LEAST_KEPT = 0.3;
/** Nodes copied between two breaths. */
const SLICE_NODES = 50_000;

/** The index, if it is a graph that can become part of one of the given kind and shape; else undefined. */
export function extendable(
  index: VectorIndex,
  kind: GraphKind,
  shape: Omit<GraphShape, "upperBlocks" | "entryCount">,
  oldToNew: Int32Array,
): GraphIndex | undefined {
  if (!(index instanceof GraphIndex)) return undefined;
  const { layout } = index;
  const fits =
    index.family === kind.family &&
    layout.slots === shape.slots &&
    layout.upperSlots === shape.upperSlots &&
    layout.encoding === shape.encoding &&
    layout.dimensions === shape.dimensions &&
    layout.metric === shape.metric &&
    layout.count > 0;
  if (!fits) return undefined;
  let kept = 0;
  for (const node of oldToNew) if (node >= 0) kept++;
  return kept >= layout.count * (1 - MOST_LOST) && kept >= shape.count * LEAST_KEPT ? index : undefined;
}

/** The entries of a flat graph that are still there, under their new ordinals, the root first. */
export function keptEntries(old: GraphIndex, oldToNew: Int32Array): number[] {
  const start = old.layout.entries >>> 2;
  const entries = old.store.arena.u32.subarray(start, start + old.layout.entryCount);
  return Array.from(entries, (node) => oldToNew[node]).filter((node) => node >= 0);
}

/** Copies; returns where a layered search starts. The levels of the new graph are in place, and all its lists are empty. */
export async function extendGraph(
  old: GraphIndex,
  oldToNew: Int32Array,
  store: VectorStore,
  layout: GraphLayout,
): Promise<{ entry: number; top: number }> {
  const from = old.layout;
  const source = old.store.arena;
  const target = store.arena;
  if (layout.encoding === "int8")
    copyBytes(source.u8, from.mean, target.u8, layout.mean, from.dimensions * 4);
  let entry = NO_NODE;
  let top = -1;
  for (let before = 0; before < from.count; before++) {
    if (before % SLICE_NODES === SLICE_NODES - 1) await yieldToOthers();
    const node = oldToNew[before];
    if (node < 0) continue;
    if (layout.codeBytes > 0) {
      const code = from.codes + before * from.codeBytes;
      const length = Math.min(from.codeBytes, layout.codeBytes);
      copyBytes(source.u8, code, target.u8, layout.codes + node * layout.codeBytes, length);
    }
    const links = from.links + before * from.linkBytes;
    copyList(source.u32, links, target.u32, layout.links + node * layout.linkBytes, from.slots, oldToNew);
    const level = copyUpperLists(old, before, store, layout, node, oldToNew);
    if (level > top) {
      entry = node;
      top = level;
    }
  }
  return { entry, top };
}

/** Returns the node's level, 0 in a flat graph. */
function copyUpperLists(
  old: GraphIndex,
  before: number,
  store: VectorStore,
  layout: GraphLayout,
  node: number,
  oldToNew: Int32Array,
): number {
  const from = old.layout;
  if (from.upperSlots === 0) return 0;
  const source = old.store.arena;
  const target = store.arena;
  const level = source.u8[from.levels + before];
  const oldBlock = source.u32[(from.upperAt >>> 2) + before];
  const newBlock = target.u32[(layout.upperAt >>> 2) + node];
  for (let i = 0; i < level; i++) {
    const upper = from.upper + (oldBlock + i) * from.upperBytes;
    const place = layout.upper + (newBlock + i) * layout.upperBytes;
    copyList(source.u32, upper, target.u32, place, from.upperSlots, oldToNew);
  }
  return level;
}

function copyBytes(source: Uint8Array, from: number, target: Uint8Array, to: number, length: number): void {
  target.set(source.subarray(from, from + length), to);
}

/** Copies a list under the new numbers, without those that are gone. */
function copyList(
  source: Uint32Array,
  from: number,
  target: Uint32Array,
  to: number,
  slots: number,
  oldToNew: Int32Array,
): void {
  let at = to >>> 2;
  const end = at + slots;
  for (let i = from >>> 2; i < (from >>> 2) + slots; i++) {
    const before = source[i];
    if (before === NO_NODE) break;
    const node = oldToNew[before];
    if (node >= 0) target[at++] = node;
  }
  while (at < end) target[at++] = NO_NODE;
}
