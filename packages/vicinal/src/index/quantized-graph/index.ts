/** The quantized graph family: 1-bit codes of the neighbours beside the edges. */
import type { IndexFamily } from "../contract.js";
import { buildQuantizedGraph } from "./build.js";
import {
  bitsFor,
  type QuantizedGraphParameters,
  quantizedGraphParameters,
  quantizedGraphServes,
} from "./defaults.js";
import { loadQuantizedGraph } from "./load.js";
import { attachQuantizedGraph } from "./quantized-graph-index.js";

export {
  QUANTIZED_GRAPH_DEFAULTS,
  QUANTIZED_GRAPH_EFFORT,
  type QuantizedGraphParameters,
  quantizedGraphServes,
} from "./defaults.js";
export { type QuantizedGraphHandle, QuantizedGraphIndex } from "./quantized-graph-index.js";

export const quantizedGraph: IndexFamily<QuantizedGraphParameters> = {
  family: "quantized-graph",
  parameters: quantizedGraphParameters,
  check: (parameters, { dimensions, metric }) => {
    quantizedGraphServes(metric);
    bitsFor(parameters, dimensions, metric);
  },
  build: buildQuantizedGraph,
  attach: attachQuantizedGraph,
  load: loadQuantizedGraph,
};
