/**
 * The priority-search k-means tree.
 *
 * Method: Muja, Lowe, "Scalable nearest neighbor algorithms for high dimensional data" (2014), as in FLANN. Vectors are
 * clustered into `branching` groups, each of these again, down to small leaves; a search goes down to the nearest
 * cluster, puts its siblings into one queue for the whole tree, and goes on with the best of the queue until
 * `effort` (FLANN's checks) vectors were compared.
 * Parameters: defaults.ts.
 * Deviations:
 * - A node is parted into fewer clusters than `branching` where leaves would not be half full; centroids are trained on
 *   256 vectors each at most; a node that no cluster parts (equal vectors) is cut into equal pieces.
 * - Leaves hold 8-bit codes one after the other; the best are measured again on the floats.
 * - A cluster whose ball cannot hold a better hit is never queued, and with effort >= count the search is exact: over
 *   floats, by bounds, equal to the scan.
 * - Clusters are ordered by squared Euclidean distance less the factor times their variance (Euclid, Cosine), the same
 *   with Manhattan distances for that metric, and for Dot by the product with the centre plus the factor times |query|
 *   and the standard deviation.
 * Cost: build about (1 + iterations x share of vectors trained on) x branching distances per vector and level; memory a
 * pivot per node (n / 12 of them, about), a code and 4 bytes per vector. Search: effort, and branching distances per level
 * of each leaf.
 */
import type { IndexFamily } from "../contract.js";
import { buildTree } from "../tree/build.js";
import { loadTree, savedValue } from "../tree/load.js";
import { encodingOf } from "../tree/parameters.js";
import { attachTree, type TreeKind } from "../tree/tree-index.js";
import type { VectorStore } from "../vector-store.js";
import { KMEANS_TREE_EFFORT, type KMeansTreeParameters, kMeansTreeParameters } from "./defaults.js";

export { KMEANS_TREE_DEFAULTS, KMEANS_TREE_EFFORT, type KMeansTreeParameters } from "./defaults.js";

function kindOf(store: VectorStore, parameters: KMeansTreeParameters): TreeKind {
  const { branching, iterations, boundaryFactor, leafSize } = parameters;
  return {
    family: "kmeans-tree",
    rule: { kind: "clusters", leafSize, branching, iterations },
    encoding: encodingOf(store, parameters),
    factor: boundaryFactor,
    defaultEffort: KMEANS_TREE_EFFORT,
  };
}

export const kMeansTree: IndexFamily<KMeansTreeParameters> = {
  family: "kmeans-tree",
  encodings: { int8: 8 },
  parameters: kMeansTreeParameters,
  encodingOf: (parameters, vectors) => encodingOf(vectors, parameters),
  build: async (store, parameters, options) => buildTree(store, kindOf(store, parameters), options),
  attach: attachTree,
  load: (store, saved) =>
    loadTree(store, saved, ({ rule, factor, encoding }) => {
      const { branching, iterations, leafSize } = rule as Partial<KMeansTreeParameters>;
      const parameters = { branching, iterations, leafSize, boundaryFactor: factor, encoding };
      const values = Object.entries(parameters).map(([name, value]) => [name, savedValue(value)]);
      return kindOf(store, kMeansTreeParameters(Object.fromEntries(values)));
    }),
};
