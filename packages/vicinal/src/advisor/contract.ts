/** What the advisor is asked and what it answers. */
import type { Metric } from "../index/contract.js";

export interface AdviseOptions {
  /** Name of the vector; the unnamed one where absent. */
  using?: string;
  /** Mean recall@k that must be reached, 0.01..1. Default 0.95. */
  recall?: number;
  /** Neighbours wanted per query, 1..1000. Default 10. */
  k?: number;
  /** Most bytes that vectors and index may take together, for all points. */
  memoryBytes?: number;
  /** Most milliseconds that 95 of 100 queries may take, one at a time. */
  latencyMs?: number;
  /**
   * Real queries, 20 or more. Absent: vectors of the collection, which are then left out of every index. Given ones are
   * left out too where they are stored: a query that finds itself looks easier than it is.
   */
  queries?: readonly ArrayLike<number>[];
  /** Most vectors to sample, 200..1,000,000. Default 25,000, or as many as 64 MiB hold. */
  sample?: number;
  /** Size to plan for. Default: the points that the collection has. */
  points?: number;
  /** Families to try; default all that serve the metric. */
  families?: readonly string[];
  /** Milliseconds after which nothing new is begun and a running build is stopped. Default 300,000. */
  budgetMs?: number;
  /** Build the leader over all points where time and memory allow. Default true. */
  verify?: boolean;
  /** Seed of every random choice. Default 42. */
  seed?: number;
  progress?: (step: AdviseStep) => void;
  signal?: AbortSignal;
}

/** What is being done, and how far the whole is: `done` of `total` steps, with a fraction inside a step. */
export interface AdviseStep {
  kind: "sample" | "build" | "measure" | "time" | "verify";
  /** The candidate at work, where there is one. */
  candidate?: string;
  /** Vectors that it is built over. */
  vectors: number;
  done: number;
  total: number;
}

/** A family with parameters; those that are not named have their defaults. */
export interface Candidate {
  /** As people write it: `hnsw m=8`. */
  name: string;
  family: string;
  parameters: Readonly<Record<string, unknown>>;
}

/** What one search costs, and what the index costs, over a number of vectors. */
export interface Costs {
  vectors: number;
  /** Processor time of a query, microseconds. */
  cpuUs: number;
  /** By the clock on the wall, microseconds. */
  medianUs: number;
  p95Us: number;
  /** Bytes beside the float vectors. */
  indexBytes: number;
  /** Processor seconds of the build, without calibration. */
  buildSeconds: number;
}

export interface AdviceRow extends Candidate {
  /** The dial that reached the recall on the measured vectors. A collection measures its own. */
  effort: number;
  /** Mean recall@k at that dial on queries that did not choose it, and its standard error. */
  recall: number;
  recallError: number;
  measured: Costs;
  /** Costs over all points: measured where `verified`, else extrapolated. */
  full: Costs;
  verified: boolean;
  /** Bytes of memory per point, the float vector included where it lies in memory. */
  bytesPerVector: number;
  /** Served from files once it is saved: measured in memory all the same, so that reads come on top of its times. */
  onDisk: boolean;
  /** 1,000,000 / full.cpuUs: queries per second of processor time. */
  queriesPerSecond: number;
  /** No other row is both faster and smaller. */
  pareto: boolean;
  /** Why it cannot be recommended; empty where it can. */
  misses: string[];
}

export interface Advice {
  /** Name of the vector. */
  using: string;
  dimensions: number;
  metric: Metric;
  /** Points that the costs are for. */
  points: number;
  sampled: number;
  queries: { count: number; source: "given" | "withheld" };
  wanted: { recall: number; k: number; memoryBytes?: number; latencyMs?: number };
  /** All that reached the recall, fastest first. */
  rows: AdviceRow[];
  /** The one to take; undefined when nothing keeps all limits. */
  recommended?: AdviceRow;
  /** Body of the `updateCollection` that follows it. */
  update?: { vectors: Record<string, { index: { type: string; [parameter: string]: unknown } }> };
  /** Why this one, or why none: whole sentences. */
  why: string;
  /** What is not recommended for a reason other than being beaten. */
  excluded: { name: string; reason: string }[];
  elapsedMs: number;
}
