/** Vicinal: the vector database for TypeScript. */

export type { Advice, AdviceRow, AdviseOptions, AdviseStep, Candidate, Costs } from "./advisor/contract.js";
export type {
  AnalysisOptions,
  AnalysisResult,
  Cluster,
  ClusteringResult,
  DuplicatesResult,
  OutliersResult,
  ProjectionResult,
} from "./api/analysis/analysis.js";
export type { BlobRange, BlobSource, StoredBlob } from "./api/blobs.js";
export type { Database } from "./api/database.js";
export type { Durability } from "./api/durability.js";
export type {
  Hook,
  HookContext,
  HookLimits,
  Hooks,
  InferenceAnswer,
  InferenceContext,
  InferenceFunction,
  InferenceInput,
  InferredVector,
  RefusedInput,
  RerankCandidate,
  RerankFunction,
} from "./api/inference/hooks.js";
export { type RepairOptions, repair } from "./api/integrity/repair.js";
export type {
  CollectionRepair,
  CollectionReport as VerifiedCollection,
  Fault,
  FileRole,
  LossReport,
  RepairedCollection,
  RepairReport,
  SnapshotReport as VerifiedSnapshot,
  VerifyReport,
} from "./api/integrity/report.js";
export { type VerifyOptions, verify } from "./api/integrity/verify.js";
export type { MemoryNode, MemoryTree } from "./api/memory-tree.js";
export { type OpenOptions, open } from "./api/open.js";
export type * from "./api/schema/index.js";
export type { SnapshotArchive } from "./api/snapshots/snapshots.js";
export type { PointId } from "./payload/id.js";
export { type ErrorCode, errorCatalogue, VicinalError } from "./runtime/errors.js";
export type { Directory, FileWriter } from "./storage/directory.js";
