/** Multi-index hashing: exact nearest binary codes, over float vectors or native codes. */
import type { IndexFamily } from "../contract.js";
import { buildCodes } from "./build.js";
import { type MihParameters, mihParameters } from "./defaults.js";
import { loadCodes } from "./load.js";

export { MIH_DEFAULTS, MIH_EFFORT, type MihParameters } from "./defaults.js";
export { type HammingHits, HammingIndex } from "./hamming-index.js";
export { MihIndex } from "./mih-index.js";

export const mih: IndexFamily<MihParameters> = {
  family: "mih",
  parameters: mihParameters,
  build: buildCodes,
  load: loadCodes,
};
