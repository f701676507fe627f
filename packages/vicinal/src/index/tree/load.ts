/** Reads a saved tree back, trusting nothing that could lead a search out of its memory. */
import { VicinalError } from "../../runtime/errors.js";
import { inMemory } from "../build-memory.js";
import type { LoadedIndex } from "../contract.js";
import { checkedCalibration, expectStore, readSections, wholeNumber } from "../saved-meta.js";
import type { VectorStore } from "../vector-store.js";
import { TREE_FORMAT, TreeIndex, type TreeKind } from "./tree-index.js";
import {
  allocateTree,
  CHILDREN,
  FIRST,
  LENGTH,
  NODE_WORDS,
  NORM,
  openTree,
  RADIUS,
  REACH,
  SPREAD,
  START,
  type TreeLayout,
  treeSections,
} from "./tree-memory.js";

/** `kindOf` makes the family's kind of the saved description, or throws. */
export async function loadTree(
  store: VectorStore,
  saved: LoadedIndex,
  kindOf: (meta: Record<string, unknown>) => TreeKind,
): Promise<TreeIndex> {
  const { meta } = saved;
  expectStore(meta, store, TREE_FORMAT, damaged);
  // A parent has two children at least, and a leaf a row.
  const mostNodes = Math.max(0, 2 * store.count - 1);
  const nodeCount = wholeNumber(meta, "nodeCount", Math.min(1, store.count), mostNodes, damaged);
  const kind = savedKind(meta, kindOf);
  const calibration = checkedCalibration(meta.calibration, damaged);
  return inMemory(store, async (memory) => {
    const layout = memory.keep(allocateTree(store, kind.encoding, nodeCount, store.count));
    await readSections(saved, treeSections(store, layout), damaged);
    checkNodes(store, layout);
    checkOrder(store, layout);
    openTree(store, layout);
    const index = new TreeIndex(store, kind, layout);
    index.calibration = calibration;
    return index;
  });
}

function damaged(what: string): VicinalError {
  return new VicinalError("CORRUPTION", `Corrupted tree index: ${what}`, { what });
}

/** A parameter as it was saved; one that is missing is no valid value, where a caller's would have its default. */
export function savedValue(value: unknown): unknown {
  return value ?? Number.NaN;
}

function savedKind(
  meta: Record<string, unknown>,
  kindOf: (meta: Record<string, unknown>) => TreeKind,
): TreeKind {
  try {
    return kindOf(meta);
  } catch (reason) {
    throw damaged(`its parameters are not valid: ${String(reason)}`);
  }
}

/** Every node but the root is the child of one earlier node; children share their parent's rows out among them. */
function checkNodes(store: VectorStore, layout: TreeLayout): void {
  const start = layout.nodes >>> 2;
  const words = store.arena.u32.subarray(start, start + layout.nodeCount * NODE_WORDS);
  const floats = store.arena.f32.subarray(start, start + layout.nodeCount * NODE_WORDS);
  if (layout.nodeCount > 0 && (words[START] !== 0 || words[LENGTH] !== layout.count))
    throw damaged("the root does not have all rows");
  let next = 1;
  for (let node = 0; node < layout.nodeCount; node++) {
    const at = node * NODE_WORDS;
    for (const field of [RADIUS, SPREAD, NORM, REACH])
      if (!(floats[at + field] >= 0)) throw damaged(`node ${node} has a size of ${floats[at + field]}`);
    const children = words[at + CHILDREN];
    if (children === 0) continue;
    if (words[at + FIRST] !== next || next <= node || children > layout.nodeCount - next)
      throw damaged(`node ${node} names children that are not its own`);
    let row = words[at + START];
    const end = row + words[at + LENGTH];
    for (let child = next; child < next + children; child++) {
      if (words[child * NODE_WORDS + START] !== row)
        throw damaged(`node ${child} has not the rows that it should`);
      row += words[child * NODE_WORDS + LENGTH];
    }
    if (row !== end) throw damaged(`the children of node ${node} have not its rows`);
    next += children;
  }
  if (next < layout.nodeCount) throw damaged("nodes hang loose");
}

/** Every vector is in the order once. */
function checkOrder(store: VectorStore, layout: TreeLayout): void {
  const seen = new Uint8Array(layout.count);
  const start = layout.order >>> 2;
  for (let i = start; i < start + layout.count; i++) {
    const ordinal = store.arena.u32[i];
    if (ordinal >= layout.count || seen[ordinal])
      throw damaged(`the order names vector ${ordinal} of ${layout.count}`);
    seen[ordinal] = 1;
  }
}
