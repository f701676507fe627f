/** Multi-vectors: compared by MaxSim, exactly, and found by fixed dimensional encodings where there are many. */
export { buildEncoded, checkStage, encodedKind, loadEncoded } from "./build-encoded.js";
export { LEAST_DOCUMENTS } from "./defaults.js";
export { Documents } from "./documents.js";
export { EncodedIndex } from "./encoded-index.js";
export { MaxSimScan } from "./max-sim-scan.js";
