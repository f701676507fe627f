/** Sparse vectors: exact inner products over postings, pruned by block. */
export { SparseIndex, type SparseRequest, sparseDot } from "./sparse-index.js";
export { SparseRows, type SparseVector } from "./sparse-rows.js";
