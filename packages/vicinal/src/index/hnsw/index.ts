/** The HNSW family: a navigable graph over 8-bit codes, refined on the original vectors. */
import type { IndexFamily } from "../contract.js";
import { buildGraph } from "./build.js";
import { checkEncoding, type HnswParameters, hnswParameters } from "./defaults.js";
import { loadGraph } from "./load.js";

export { HNSW_DEFAULTS, HNSW_EFFORT, type HnswParameters } from "./defaults.js";
export { type HnswHandle, HnswIndex } from "./hnsw-index.js";

export const hnsw: IndexFamily<HnswParameters> = {
  family: "hnsw",
  encodings: { int8: 8 },
  parameters: hnswParameters,
  check: checkEncoding,
  build: buildGraph,
  load: loadGraph,
};
