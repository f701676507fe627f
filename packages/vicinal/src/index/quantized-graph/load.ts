/** Reads a saved graph back, trusting nothing that could lead a walk out of its memory. */
import { VicinalError } from "../../runtime/errors.js";
import type { LoadedIndex } from "../contract.js";
import { checkedCalibration, expectStore, readSections, wholeNumber } from "../saved-meta.js";
import type { VectorStore } from "../vector-store.js";
import {
  bitsFor,
  entriesFor,
  LEAST_CODED_DIMENSIONS,
  type QuantizedGraphParameters,
  quantizedGraphParameters,
} from "./defaults.js";
import {
  ABSENT,
  allocateGraph,
  BLOCK,
  blockBytes,
  type GraphLayout,
  graphSections,
  NO_NODE,
  openGraph,
  ROTATION_ROUNDS,
  recordBytes,
} from "./graph-memory.js";
import { QUANTIZED_GRAPH_FORMAT, QuantizedGraphIndex } from "./quantized-graph-index.js";

export async function loadQuantizedGraph(
  store: VectorStore,
  saved: LoadedIndex,
): Promise<QuantizedGraphIndex> {
  const { meta } = saved;
  const { count, dimensions, metric } = store;
  expectStore(meta, store, QUANTIZED_GRAPH_FORMAT, damaged);
  const parameters = checkedParameters(store, meta);
  const most = Math.ceil(entriesFor(count) / BLOCK);
  const rootBlocks = wholeNumber(meta, "rootBlocks", count > 0 ? 1 : 0, most, damaged);
  const { sphere } = meta;
  if (typeof sphere !== "number" || !Number.isFinite(sphere) || sphere < 0)
    throw damaged(`sphere is ${String(sphere)}`);
  const calibration = checkedCalibration(meta.calibration, damaged);
  const bits = parameters.bits as number;
  const { degree } = parameters;
  const coded = dimensions >= LEAST_CODED_DIMENSIONS;
  const layout = allocateGraph(store, { dimensions, metric, count, bits, degree, coded, rootBlocks });
  layout.sphere = sphere;
  try {
    await readSections(saved, graphSections(store, layout), damaged);
    checkGraph(store, layout);
    openGraph(store, layout);
    const index = new QuantizedGraphIndex(store, layout, parameters);
    index.calibration = calibration;
    return index;
  } catch (error) {
    store.arena.release(layout.region);
    throw error;
  }
}

function damaged(what: string): VicinalError {
  return new VicinalError("CORRUPTION", `Corrupted quantized graph: ${what}`, { what });
}

/** The parameters with the bits that were used. */
function checkedParameters(store: VectorStore, meta: Record<string, unknown>): QuantizedGraphParameters {
  const { degree, efConstruct, rounds } = meta;
  try {
    const bits = wholeNumber(meta, "bits", 16, 65536, damaged);
    const parameters = quantizedGraphParameters({ degree, efConstruct, rounds, bits });
    bitsFor(parameters, store.dimensions, store.metric);
    return parameters;
  } catch (cause) {
    throw damaged((cause as Error).message);
  }
}

/** Every neighbour must be a vector of the store, or absent in ids and factors; the rotation's signs must be signs. */
function checkGraph(store: VectorStore, layout: GraphLayout): void {
  const { u32 } = store.arena;
  const { count, bits, degree, rootBlocks } = layout;
  const block = blockBytes(bits) >>> 2;
  const checkBlocks = (start: number, blocks: number, what: string) => {
    for (let first = start; first < start + blocks * block; first += block) {
      for (let lane = first; lane < first + BLOCK; lane++) {
        if (u32[lane] < count) continue;
        if (u32[lane] !== NO_NODE) throw damaged(`${what} names vector ${u32[lane]} of ${count}`);
        // No estimate of such a lane is less than any bound, so that a walk does not go there.
        if (u32[lane + BLOCK] !== ABSENT) throw damaged(`${what} has factors of no neighbour`);
      }
    }
  };
  checkBlocks(layout.root >>> 2, rootBlocks, "the root");
  const record = recordBytes(layout) >>> 2;
  for (let vertex = 0; vertex < count; vertex++)
    checkBlocks((layout.records >>> 2) + vertex * record, degree / BLOCK, `the record of ${vertex}`);
  const signs = layout.signs >>> 2;
  for (let at = signs; at < signs + ROTATION_ROUNDS * bits; at++)
    if ((u32[at] & 0x7fffffff) !== 0) throw damaged("the rotation's signs are not signs");
}
