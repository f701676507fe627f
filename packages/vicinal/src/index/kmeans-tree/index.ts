/**
 * The priority-search k-means tree.
 *
 * Method: Muja, Lowe, "Scalable nearest neighbor algorithms for high dimensional data" (2014), as in FLANN. Vectors are
 * clustered into `branching` groups, each of these again, down to small leaves; a search goes down to the nearest
 * cluster, puts its siblings into one queue for the whole tree, and goes on with the best of the queue until
 * `effort` (FLANN's checks) vectors were compared.
 * Parameters: defaults.ts.
 * Deviations: a node is parted into fewer clusters than `branching` where leaves would not be half full; centroids are trained
 * on 256 vectors each at most; a node that no cluster parts (equal vectors) is cut into equal pieces; a sibling whose ball
 * cannot hold a better hit is never queued, and with effort >= count the search is exact. Distances of
 * clusters are squared Euclidean (Euclid, Cosine), Manhattan, or for Dot the product with the centre plus the factor
 * times |query| and the standard deviation.
 * Cost: build about (256 x iterations / rows of a cluster + 1) x branching distances per vector and level; memory a
 * pivot per node (n / 20 of them, about) and 4 bytes per vector. Search: effort plus branching distances per level and
 * leaf.
 */
import type { IndexFamily } from "../contract.js";
import { buildTree } from "../tree/build.js";
import { loadTree } from "../tree/load.js";
import type { TreeKind } from "../tree/tree-index.js";
import { KMEANS_TREE_EFFORT, type KMeansTreeParameters, kMeansTreeParameters } from "./defaults.js";

export { KMEANS_TREE_DEFAULTS, KMEANS_TREE_EFFORT, type KMeansTreeParameters } from "./defaults.js";

function kindOf({ branching, iterations, boundaryFactor, leafSize }: KMeansTreeParameters): TreeKind {
  return {
    family: "kmeans-tree",
    rule: { kind: "clusters", leafSize, branching, iterations },
    factor: boundaryFactor,
    defaultEffort: KMEANS_TREE_EFFORT,
  };
}

export const kMeansTree: IndexFamily<KMeansTreeParameters> = {
  family: "kmeans-tree",
  parameters: kMeansTreeParameters,
  build: (store, parameters, options) => buildTree(store, kindOf(parameters), options),
  load: (store, saved) =>
    loadTree(store, saved, ({ rule, factor }) => {
      const { branching, iterations, leafSize } = rule as Partial<KMeansTreeParameters>;
      const missing = Number.NaN;
      return kindOf(
        kMeansTreeParameters({
          branching: branching ?? missing,
          iterations: iterations ?? missing,
          leafSize: leafSize ?? missing,
          boundaryFactor: factor ?? missing,
        }),
      );
    }),
};
