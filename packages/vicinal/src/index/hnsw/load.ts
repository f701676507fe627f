/** Reads a saved graph back, trusting nothing that could lead a walk out of its memory. */
import { VicinalError } from "../../runtime/errors.js";
import type { Calibration, LoadedIndex } from "../contract.js";
import { checkedCalibration, expectStore, readSections, wholeNumber } from "../saved-meta.js";
import type { VectorStore } from "../vector-store.js";
import { HNSW_DEFAULTS } from "./defaults.js";
import {
  allocateGraph,
  type GraphLayout,
  graphSections,
  NO_NODE,
  openGraph,
  placeUpperBlocks,
} from "./graph-memory.js";
import { HNSW_FORMAT, HnswIndex } from "./hnsw-index.js";

interface HnswMeta {
  m: number;
  efConstruct: number;
  encoding: "int8" | "float32";
  upperBlocks: number;
  entry: number;
  top: number;
  calibration: Calibration | undefined;
}

export async function loadGraph(store: VectorStore, saved: LoadedIndex): Promise<HnswIndex> {
  const meta = checkedMeta(store, saved.meta);
  const { dimensions, metric, count } = store;
  const { m, encoding, upperBlocks } = meta;
  const layout = allocateGraph(store, { dimensions, metric, count, m, encoding, upperBlocks });
  try {
    await readSections(saved, graphSections(store.arena, layout), damaged);
    checkGraph(store, layout, meta);
    placeUpperBlocks(store.arena, layout);
    openGraph(store, layout, meta.entry, meta.top);
  } catch (error) {
    store.arena.release(layout.region);
    throw error;
  }
  const parameters = { ...HNSW_DEFAULTS, m, efConstruct: meta.efConstruct, encoding };
  const index = new HnswIndex(store, layout, parameters);
  index.calibration = meta.calibration;
  return index;
}

function damaged(what: string): VicinalError {
  return new VicinalError("CORRUPTION", `Corrupted HNSW index: ${what}`, { what });
}

function checkedMeta(store: VectorStore, meta: Record<string, unknown>): HnswMeta {
  const whole = (name: string, low: number, high: number) => wholeNumber(meta, name, low, high, damaged);
  expectStore(meta, store, HNSW_FORMAT, damaged);
  const { encoding } = meta;
  if (encoding !== "int8" && encoding !== "float32") throw damaged(`encoding is ${String(encoding)}`);
  const empty = store.count === 0;
  return {
    m: whole("m", 2, 128),
    efConstruct: whole("efConstruct", 4, 4096),
    encoding,
    upperBlocks: whole("upperBlocks", 0, store.count * 255),
    entry: empty ? NO_NODE : whole("entry", 0, store.count - 1),
    top: empty ? -1 : whole("top", 0, 255),
    calibration: checkedCalibration(meta.calibration, damaged),
  };
}

/** Levels must fill the upper blocks, and every link must name a node that reaches its layer. */
function checkGraph(store: VectorStore, layout: GraphLayout, meta: HnswMeta): void {
  const { u8, u32 } = store.arena;
  const { count, m } = layout;
  const level = (node: number) => u8[layout.levels + node];
  let blocks = 0;
  for (let node = 0; node < count; node++) blocks += level(node);
  if (blocks !== layout.upperBlocks) throw damaged(`levels sum to ${blocks}, ${layout.upperBlocks} expected`);
  if (count > 0 && level(meta.entry) !== meta.top) throw damaged("the entry does not reach the top layer");
  const links = layout.links >>> 2;
  for (let i = links; i < links + count * m * 2; i++)
    if (u32[i] >= count && u32[i] !== NO_NODE) throw damaged(`a link names node ${u32[i]} of ${count}`);
  let at = layout.upper >>> 2;
  for (let node = 0; node < count; node++) {
    for (let layer = 1; layer <= level(node); layer++) {
      for (let i = 0; i < m; i++, at++) {
        const link = u32[at];
        if (link === NO_NODE) continue;
        if (link >= count || level(link) < layer)
          throw damaged(`a link of layer ${layer} names node ${link}, which is not in it`);
      }
    }
  }
}
