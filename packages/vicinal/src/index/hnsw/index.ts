/**
 * HNSW: a graph whose nodes link to near and diverse neighbours, walked from a coarse layer to the finest.
 *
 * Method: Malkov, Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable
 * small world graphs" (2018). Deviations: the graph is built and walked on 8-bit codes, the nearest of the beam are
 * measured again on the floats; a walk expands several candidates per step; vectors that pruning cut off are
 * attached again; `flat` leaves the layers out. See the kernels: walk.ts, insert.ts, neighbours.ts, codes.ts.
 * Parameters and their reasons: defaults.ts. Cost: a beam of efConstruct per vector; 2m links per vector, and m more for
 * one in m of them.
 */
import { seededWords } from "../../runtime/random.js";
import type { IndexFamily } from "../contract.js";
import { buildGraph, type GraphRecipe } from "../graph/build.js";
import { encodingOf } from "../graph/encoding.js";
import { ENTRIES } from "../graph/flat-graph.js";
import { openGraphFile } from "../graph/graph-file.js";
import { attachGraph } from "../graph/graph-index.js";
import { loadGraph, type Understand } from "../graph/load.js";
import type { VectorStore } from "../vector-store.js";
import { type HnswWork, hnswSteps } from "./build-steps.js";
import { type HnswParameters, hnswParameters, ranges } from "./defaults.js";

export { HNSW_DEFAULTS, type HnswParameters } from "./defaults.js";

/** No node rises higher: a graph of m = 2 over 2^31 nodes would not. */
const HIGHEST_LEVEL = 31;

function recipe(store: VectorStore, parameters: HnswParameters): GraphRecipe<HnswWork> {
  const { m, efConstruct, flat } = parameters;
  return {
    kind: kindOf(m, efConstruct, flat),
    encoding: encodingOf(store, parameters),
    slots: m * 2,
    upperSlots: flat ? 0 : m,
    entryCount: flat ? ENTRIES : 0,
    ef: efConstruct,
    poolLength: efConstruct,
    levels: flat ? undefined : (count, seed) => drawLevels(count, m, seed),
    own: () => ({ m, flat }),
    steps: hnswSteps,
    task: "hnsw-build",
    helper: flat ? undefined : "hnsw-help",
    extends: true,
  };
}

function kindOf(m: number, efConstruct: number, flat: boolean) {
  return { family: "hnsw", parameters: { m, efConstruct, flat } };
}

/** A node reaches level l with probability m^-l; drawn with whole numbers, so that every platform draws the same. */
function drawLevels(count: number, m: number, seed: number): Uint8Array {
  const next = seededWords(seed);
  const threshold = 2 ** 32 / m;
  const levels = new Uint8Array(count);
  for (let node = 0; node < count; node++)
    while (levels[node] < HIGHEST_LEVEL && next() < threshold) levels[node]++;
  return levels;
}

const understand: Understand = (read) => {
  const m = read.whole("m", ...ranges.m);
  const flat = read.flag("flat");
  const kind = kindOf(m, read.whole("efConstruct", ...ranges.efConstruct), flat);
  return { kind, slots: m * 2, upperSlots: flat ? 0 : m };
};

export const hnsw: IndexFamily<HnswParameters> = {
  family: "hnsw",
  encodings: { int8: 8 },
  parameters: hnswParameters,
  encodingOf: (parameters, vectors) => encodingOf(vectors, parameters),
  build: async (store, parameters, options) => buildGraph(store, recipe(store, parameters), options),
  attach: attachGraph,
  load: (store, saved) => loadGraph(store, saved, "HNSW", understand),
  early: (vectors, saved) => openGraphFile(vectors, saved, "HNSW", understand),
};
