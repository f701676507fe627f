/** The quantized graph family: 1-bit codes of the neighbours beside the edges. */
import type { IndexFamily } from "../contract.js";
import { buildQuantizedGraph } from "./build.js";
import { type QuantizedGraphParameters, quantizedGraphParameters } from "./defaults.js";
import { loadQuantizedGraph } from "./load.js";

export {
  QUANTIZED_GRAPH_DEFAULTS,
  QUANTIZED_GRAPH_EFFORT,
  type QuantizedGraphParameters,
  quantizedGraphServes,
} from "./defaults.js";
export { QuantizedGraphIndex } from "./quantized-graph-index.js";

export const quantizedGraph: IndexFamily<QuantizedGraphParameters> = {
  family: "quantized-graph",
  parameters: quantizedGraphParameters,
  build: buildQuantizedGraph,
  load: loadQuantizedGraph,
};
