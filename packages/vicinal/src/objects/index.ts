/**
 * `vicinal/index`: every index family and codec as an object, with no database behind it. contract.ts says what they
 * all offer, docs/indexes.md how they are used.
 */
export { type CodecName, type CodecOptions, codecNames, type Estimates } from "../codec/index.js";
export type { Calibration, CalibrationCurve, EffortDial, Metric } from "../index/contract.js";
export { familyNames } from "../index/families.js";
export { type ErrorCode, VicinalError } from "../runtime/errors.js";
export { type BinaryHits, IndexBinary } from "./binary-index.js";
export * from "./classic.js";
export { Codec } from "./codec-object.js";
export type { BatchHits, BuildOptions, Index, RangeHits, SearchOptions, Vectors } from "./contract.js";
export {
  type CodedOptions,
  createIndex,
  type IndexDescription,
  type IndexOptions,
  loadIndex,
} from "./create.js";
export { IndexSparse, type Sparse, type SparseHits } from "./sparse-index.js";
