/** Scalar TypeScript twins of the kernels: slow, plain, and the oracle of their tests. */

export { type Code, codeDistance, encode, encodeQuery } from "./code-twins.js";
export { type MetricName, maxSimDistance, metricNames, metrics, nearest } from "./float-twins.js";
export {
  hadamardOf,
  hammingDistance,
  type Move,
  nearestCodes,
  probesOf,
  rotateByRounds,
} from "./hash-twins.js";
export { assignments, means } from "./kmeans-twins.js";
export { byteOf, halfValue, nearestHalf } from "./plain-twins.js";
export { type Edge, edgeOf, estimate, halfSquare } from "./qgraph-twins.js";
export { blockSums, rotated, signEntry } from "./quantizer-twins.js";
export { ball, leastDistance, searchTree, type TwinNode } from "./tree-twins.js";
