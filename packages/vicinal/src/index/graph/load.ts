/** Reads a saved graph back, trusting nothing that could lead a walk out of its memory. */
import { VicinalError } from "../../runtime/errors.js";
import { inMemory } from "../build-memory.js";
import type { Calibration, LoadedIndex } from "../contract.js";
import { checkedCalibration, expectStore, readSections, wholeNumber } from "../saved-meta.js";
import type { VectorStore } from "../vector-store.js";
import { GRAPH_FORMAT, GraphIndex, type GraphKind } from "./graph-index.js";
import {
  allocateGraph,
  codeStrides,
  type GraphLayout,
  type GraphShape,
  graphSections,
  NO_NODE,
  openGraph,
  placeUpperBlocks,
} from "./graph-memory.js";

/** Most entries that the kernels take; see their graph.ts. */
const MOST_ENTRIES = 256;
const HIGHEST_LEVEL = 255;

/** Reads a parameter: a whole number (or one of any kind) in a range; CORRUPTION names it. */
export interface SavedReader {
  whole(name: string, low: number, high: number): number;
  number(name: string, low: number, high: number): number;
  flag(name: string): boolean;
}

/** What a family makes of its saved parameters: its kind, and how many neighbours lists have room for. */
export type Understand = (
  read: SavedReader,
) => Pick<GraphShape, "slots" | "upperSlots"> & { kind: GraphKind };

/** Where a walk starts. */
interface Start {
  entry: number;
  top: number;
}

/** What a saved graph says of itself. */
export interface GraphDescription {
  kind: GraphKind;
  shape: GraphShape;
  /** Of a layered graph. */
  start: Start;
  calibration: Calibration | undefined;
}

/** CORRUPTION when that is not a graph over such vectors. */
export function describedGraph(
  meta: Record<string, unknown>,
  vectors: Pick<VectorStore, "count" | "dimensions" | "metric">,
  understand: Understand,
  damaged: Damaged,
): GraphDescription {
  expectStore(meta, vectors, GRAPH_FORMAT, damaged);
  const read = reader(meta, damaged);
  const { encoding } = meta;
  if (encoding !== "int8" && encoding !== "float32") throw damaged(`encoding is ${String(encoding)}`);
  const { kind, slots, upperSlots } = understand(read);
  const { dimensions, metric, count } = vectors;
  const layered = upperSlots > 0;
  const upperBlocks = layered ? read.whole("upperBlocks", 0, count * HIGHEST_LEVEL) : 0;
  const entryCount = layered
    ? 0
    : read.whole("entryCount", Math.min(1, count), Math.min(MOST_ENTRIES, count));
  const start = { entry: NO_NODE, top: -1 };
  if (count > 0 && layered) {
    start.entry = read.whole("entry", 0, count - 1);
    start.top = read.whole("top", 0, HIGHEST_LEVEL);
  }
  const calibration = checkedCalibration(meta.calibration, damaged);
  const shape = { dimensions, metric, count, slots, upperSlots, encoding, upperBlocks, entryCount } as const;
  return { kind, shape, start, calibration };
}

/** What says that a saved graph of the family is damaged. */
export function damageOf(family: string): Damaged {
  return (what) => new VicinalError("CORRUPTION", `Corrupted ${family} index: ${what}`, { what });
}

export async function loadGraph(
  store: VectorStore,
  saved: LoadedIndex,
  family: string,
  understand: Understand,
): Promise<GraphIndex> {
  const damaged = damageOf(family);
  const { kind, shape, start, calibration } = describedGraph(saved.meta, store, understand, damaged);
  const layered = shape.upperSlots > 0;
  const { count, dimensions } = shape;
  const codeStride = codeStrides(dimensions).find((stride) => stride * count === saved.length("codes"));
  return inMemory(store, async (memory) => {
    const layout = memory.keep(allocateGraph(store, { ...shape, codeStride }));
    await readSections(saved, graphSections(store.arena, layout), damaged);
    if (layered) checkLayers(store, layout, start, damaged);
    else Object.assign(start, checkedEntries(store, layout, damaged));
    checkLinks(store, layout, damaged);
    placeUpperBlocks(store.arena, layout);
    openGraph(store, layout, start.entry, start.top);
    const index = new GraphIndex(store, kind, layout);
    index.calibration = calibration;
    return index;
  });
}

export type Damaged = (what: string) => VicinalError;

function reader(meta: Record<string, unknown>, damaged: Damaged): SavedReader {
  return {
    whole: (name, low, high) => wholeNumber(meta, name, low, high, damaged),
    number(name, low, high) {
      const value = meta[name];
      if (typeof value === "number" && value >= low && value <= high) return value;
      throw damaged(`${name} is ${String(value)}, expected ${low} to ${high}`);
    },
    flag(name) {
      const value = meta[name] ?? false;
      if (typeof value === "boolean") return value;
      throw damaged(`${name} is ${String(value)}, expected true or false`);
    },
  };
}

/** Entries are nodes, all different; the first is the root. */
function checkedEntries(store: VectorStore, layout: GraphLayout, damaged: Damaged): Start {
  const { u32 } = store.arena;
  const start = layout.entries >>> 2;
  const entries = u32.subarray(start, start + layout.entryCount);
  for (const node of entries) if (node >= layout.count) throw damaged(`an entry names node ${node}`);
  if (new Set(entries).size < entries.length) throw damaged("an entry is there twice");
  return entries.length > 0 ? { entry: entries[0], top: 0 } : { entry: NO_NODE, top: -1 };
}

function checkLinks(store: VectorStore, layout: GraphLayout, damaged: Damaged): void {
  const { u8 } = store.arena;
  const { count, slots } = layout;
  // Signed numbers are compared fastest: NO_NODE is -1 among them, and nodes stay below 2^31.
  const links = new Int32Array(u8.buffer, layout.links, count * slots);
  for (let i = 0; i < links.length; i++)
    if (links[i] >= count || links[i] < -1) throw damaged(`a link names node ${links[i] >>> 0} of ${count}`);
}

/** Levels must fill the upper blocks, and every upper link must name a node that reaches its layer. */
function checkLayers(store: VectorStore, layout: GraphLayout, start: Start, damaged: Damaged): void {
  const { u8, u32 } = store.arena;
  const { count, upperSlots } = layout;
  const level = (node: number) => u8[layout.levels + node];
  let blocks = 0;
  for (let node = 0; node < count; node++) blocks += level(node);
  if (blocks !== layout.upperBlocks) throw damaged(`levels sum to ${blocks}, ${layout.upperBlocks} expected`);
  if (count > 0 && level(start.entry) !== start.top) throw damaged("the entry does not reach the top layer");
  let at = layout.upper >>> 2;
  for (let node = 0; node < count; node++) {
    for (let layer = 1; layer <= level(node); layer++) {
      for (let i = 0; i < upperSlots; i++, at++) {
        const link = u32[at];
        if (link === NO_NODE) continue;
        if (link >= count || level(link) < layer)
          throw damaged(`a link of layer ${layer} names node ${link}, which is not in it`);
      }
    }
  }
}
