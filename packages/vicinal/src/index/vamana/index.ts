/**
 * Vamana: the graph of DiskANN, flat, with links long enough that few steps lead from the middle to anywhere.
 *
 * Method: Subramanya, Devvrit, Kadekodi, Krishaswamy, Simhadri, "DiskANN: Fast accurate billion-point nearest neighbor
 * search on a single node" (2019). From a random graph, every node is searched from the medoid; among the nodes that
 * were expanded on the way, neighbours are chosen such that none is much nearer to another than to the node; they get links
 * back. One pass with alpha 1, one with alpha.
 * Parameters and their reasons: defaults.ts, where also stands how alpha is applied under each metric.
 * Deviations: walks start at some random nodes beside the medoid; 8-bit codes, several candidates per step, refinement
 * on the floats and the attachment of what is cut off as in HNSW; withheld vectors are added one by one.
 * Cost: two walks with a beam of L per vector; R links per vector.
 */
import type { IndexFamily } from "../contract.js";
import { buildGraph, type GraphRecipe } from "../graph/build.js";
import { encodingOf } from "../graph/encoding.js";
import { ENTRIES } from "../graph/flat-graph.js";
import { openGraphFile } from "../graph/graph-file.js";
import { attachGraph } from "../graph/graph-index.js";
import { loadGraph, type Understand } from "../graph/load.js";
import type { VectorStore } from "../vector-store.js";
import { type VamanaWork, vamanaSteps } from "./build-steps.js";
import { occlusionFactor, ranges, SLACK, type VamanaParameters, vamanaParameters } from "./defaults.js";

export { VAMANA_DEFAULTS, type VamanaParameters } from "./defaults.js";

type Sizes = Pick<VamanaParameters, "degree" | "alpha" | "searchListSize">;

function kindOf({ degree, alpha, searchListSize }: Sizes) {
  return { family: "vamana", parameters: { degree, alpha, searchListSize } };
}

function recipe(store: VectorStore, parameters: VamanaParameters): GraphRecipe<VamanaWork> {
  const { degree, alpha, searchListSize } = parameters;
  const factor = occlusionFactor(store.metric, alpha);
  return {
    kind: kindOf(parameters),
    encoding: encodingOf(store, parameters),
    slots: degree,
    upperSlots: 0,
    entryCount: ENTRIES,
    ef: searchListSize,
    // Room for what a walk expands beyond its beam.
    poolLength: searchListSize * 4,
    own(layout, bodyCount, memory, extended) {
      if (extended) return { degree, factor, making: undefined, shuffled: 0 };
      const slots = Math.ceil(degree * SLACK);
      const links = memory.take(layout.count * slots * 4);
      const making = { head: memory.take(store.kernels.graphBytes()), links, slots };
      return { degree, factor, making, shuffled: memory.take(bodyCount * 4) };
    },
    steps: vamanaSteps,
    task: "vamana-build",
    extends: true,
  };
}

const understand: Understand = (read) => {
  const { degree, alpha, searchListSize } = ranges;
  const sizes = {
    degree: read.whole("degree", degree.low, degree.high),
    alpha: read.number("alpha", alpha.low, alpha.high),
    searchListSize: read.whole("searchListSize", searchListSize.low, searchListSize.high),
  };
  return { kind: kindOf(sizes), slots: sizes.degree, upperSlots: 0 };
};

export const vamana: IndexFamily<VamanaParameters> = {
  family: "vamana",
  encodings: { int8: 8 },
  parameters: vamanaParameters,
  encodingOf: (parameters, vectors) => encodingOf(vectors, parameters),
  build: async (store, parameters, options) => buildGraph(store, recipe(store, parameters), options),
  attach: attachGraph,
  load: (store, saved) => loadGraph(store, saved, "Vamana", understand),
  early: (vectors, saved) => openGraphFile(vectors, saved, "Vamana", understand),
};
