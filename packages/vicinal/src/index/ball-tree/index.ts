/**
 * The ball tree: exact search by bounds, and approximate search under a budget.
 *
 * Method: Omohundro, "Five balltree construction algorithms" (1989); for the inner product Ram, Gray, "Maximum
 * inner-product search using cone trees" (2012). Every node is a ball around its vectors; the triangle inequality says
 * how near a vector of it can be at best; nodes are visited in that order until none can beat the k-th hit.
 * Parameters: defaults.ts. Effort: vectors compared; with as many as there are, which is the default, the answer is exact.
 * Deviations:
 * - Two means give the direction in which a node is parted, and the border moves so that each half has a quarter of the
 *   rows at least (depth at most log(n / leafSize) / log(4/3)); balls are centred at the mean.
 * - Cosine and Dot take the least of three bounds (see the kernels' tree.ts). All bounds are widened by what rounding
 *   can add, so that exact means equal to the scan.
 * - An exact search orders nodes by their unclamped bound (distance to the ball's surface), so that of the balls around
 *   the query the one that it lies deepest in comes first. A search under a budget takes them in the order of their
 *   centres and compares 8-bit codes, the best of which are measured again on the floats.
 * Cost: build about 10 distances per vector and level; memory a pivot per node (n / 13 of them, about), a code and 4
 * bytes per vector. Exact search: about log n leaves where vectors have few dimensions or lie in clusters; beyond 20
 * dimensions bounds hardly prune and it compares nearly all, at the price of a scan that jumps about.
 */
import type { IndexFamily } from "../contract.js";
import { buildTree } from "../tree/build.js";
import { loadTree, savedValue } from "../tree/load.js";
import { encodingOf } from "../tree/parameters.js";
import { attachTree, type TreeKind } from "../tree/tree-index.js";
import type { VectorStore } from "../vector-store.js";
import { type BallTreeParameters, ballTreeParameters } from "./defaults.js";

export { BALL_TREE_DEFAULTS, type BallTreeParameters } from "./defaults.js";

function kindOf(store: VectorStore, parameters: BallTreeParameters): TreeKind {
  return {
    family: "ball-tree",
    rule: { kind: "halves", leafSize: parameters.leafSize },
    encoding: encodingOf(store, parameters),
    factor: 0,
    defaultEffort: undefined,
  };
}

export const ballTree: IndexFamily<BallTreeParameters> = {
  family: "ball-tree",
  encodings: { int8: 8 },
  parameters: ballTreeParameters,
  encodingOf: (parameters, vectors) => encodingOf(vectors, parameters),
  build: async (store, parameters, options) => buildTree(store, kindOf(store, parameters), options),
  attach: attachTree,
  load: (store, saved) =>
    loadTree(store, saved, ({ rule, encoding }) => {
      const { leafSize } = rule as { leafSize?: unknown };
      return kindOf(
        store,
        ballTreeParameters({ leafSize: savedValue(leafSize), encoding: savedValue(encoding) }),
      );
    }),
};
