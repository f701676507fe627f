/** The LSH family: hash tables with query-directed probes, by distance or by angle. */
import type { IndexFamily } from "../contract.js";
import { buildTables } from "./build.js";
import { hashFor, type LshParameters, lshParameters } from "./defaults.js";
import { loadTables } from "./load.js";

export { type HashName, LSH_DEFAULTS, LSH_EFFORT, type LshParameters } from "./defaults.js";
export { LshIndex } from "./lsh-index.js";

export const lsh: IndexFamily<LshParameters> = {
  family: "lsh",
  parameters: lshParameters,
  check: (parameters, { metric }) => {
    hashFor(parameters, metric);
  },
  build: buildTables,
  load: loadTables,
};
