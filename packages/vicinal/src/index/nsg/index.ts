/**
 * NSG, the navigating spreading-out graph: flat, made from the graph of nearest neighbours.
 *
 * Method: Fu, Xiang, Wang, Cai, "Fast approximate nearest neighbor search with the navigating spreading-out graph" (2019).
 * Every node is searched from the navigating node through the graph of nearest neighbours; among all nodes that are come
 * across, neighbours are chosen by the rule of the monotonic relative neighbourhood graph: none is nearer to another than to
 * the node. Links are given back, and what cannot be reached is attached by a spanning tree.
 * Parameters and their reasons: defaults.ts.
 * Deviations: the nearest neighbours come from NN-Descent on the codes (the paper's come from Efanna or Faiss); the
 * navigating node is the vector nearest to the centroid by a scan, not by a walk; walks start at some random nodes too; an
 * attached node goes to the nearest reached one that has room; 8-bit codes, several candidates per step and
 * refinement as in HNSW; withheld vectors are added one by one.
 * Cost: NN-Descent, a walk with a beam of L through lists of K per vector; R links per vector, and while building
 * 12 K + 16 (SAMPLE + 1) bytes more.
 */
import type { IndexFamily } from "../contract.js";
import { buildGraph, type GraphRecipe } from "../graph/build.js";
import { encodingOf } from "../graph/encoding.js";
import { ENTRIES } from "../graph/flat-graph.js";
import { openGraphFile } from "../graph/graph-file.js";
import { attachGraph } from "../graph/graph-index.js";
import { loadGraph, type Understand } from "../graph/load.js";
import type { VectorStore } from "../vector-store.js";
import { type NsgWork, nsgSteps } from "./build-steps.js";
import { type NsgParameters, nsgParameters, ranges, SAMPLE } from "./defaults.js";

export { NSG_DEFAULTS, type NsgParameters } from "./defaults.js";

type Sizes = Omit<NsgParameters, "encoding">;

function kindOf({ degree, neighbors, searchListSize, candidates }: Sizes) {
  return { family: "nsg", parameters: { degree, neighbors, searchListSize, candidates } };
}

function recipe(store: VectorStore, parameters: NsgParameters): GraphRecipe<NsgWork> {
  const { degree, neighbors, searchListSize, candidates } = parameters;
  return {
    kind: kindOf(parameters),
    encoding: encodingOf(store, parameters),
    slots: degree,
    upperSlots: 0,
    entryCount: ENTRIES,
    ef: searchListSize,
    poolLength: Math.max(searchListSize, candidates),
    own(layout, _bodyCount, memory) {
      const { kernels } = store;
      const nearest = {
        neighbors,
        head: memory.take(kernels.nnBytes()),
        lists: memory.take(layout.count * neighbors * 8),
        samples: memory.take(layout.count * kernels.nnSampleBytes(SAMPLE)),
      };
      const links = memory.take(layout.count * neighbors * 4);
      const source = { head: memory.take(kernels.graphBytes()), links, slots: neighbors };
      return { degree, candidates, nearest, source };
    },
    steps: nsgSteps,
    task: "nsg-build",
    helper: "nsg-help",
    extends: false,
  };
}

const understand: Understand = (read) => {
  const whole = (name: keyof Sizes) => read.whole(name, ranges[name].low, ranges[name].high);
  const sizes = {
    degree: whole("degree"),
    neighbors: whole("neighbors"),
    searchListSize: whole("searchListSize"),
    candidates: whole("candidates"),
  };
  return { kind: kindOf(sizes), slots: sizes.degree, upperSlots: 0 };
};

export const nsg: IndexFamily<NsgParameters> = {
  family: "nsg",
  encodings: { int8: 8 },
  parameters: nsgParameters,
  encodingOf: (parameters, vectors) => encodingOf(vectors, parameters),
  build: async (store, parameters, options) => buildGraph(store, recipe(store, parameters), options),
  attach: attachGraph,
  load: (store, saved) => loadGraph(store, saved, "NSG", understand),
  early: (vectors, saved) => openGraphFile(vectors, saved, "NSG", understand),
};
