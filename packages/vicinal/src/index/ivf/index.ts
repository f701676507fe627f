/** The IVF family: inverted lists over RaBitQ, product, 8-bit codes or floats, refined on the original vectors. */
import type { IndexFamily } from "../contract.js";
import { buildLists } from "./build.js";
import { encodingFor, type IvfParameters, ivfParameters } from "./defaults.js";
import { attachLists } from "./ivf-index.js";
import { loadLists } from "./load.js";

export { IVF_DEFAULTS, type IvfEncoding, type IvfParameters } from "./defaults.js";
export { type IvfHandle, IvfIndex } from "./ivf-index.js";

export const ivf: IndexFamily<IvfParameters> = {
  family: "ivf",
  encodings: { sq8: 8, pq4: 2, rabitq: 1 },
  parameters: ivfParameters,
  encodingOf: (parameters, { metric, dimensions }) => encodingFor(parameters, metric, dimensions),
  build: buildLists,
  attach: attachLists,
  load: loadLists,
};
