/**
 * Entry of the engine's worker threads: the tasks that they know, by the names that runtime/pool.ts is given. They are
 * imported from here so that bundlers find them.
 */
import { serve } from "#platform/worker.js";

serve({
  "batch-search": () => import("./objects/search-task.js"),
  "codec-training": () => import("./objects/learn-codec.js"),
  "hnsw-build": () => import("./index/hnsw/build-task.js"),
  "hnsw-help": () => import("./index/hnsw/help-task.js"),
  "ivf-build": () => import("./index/ivf/build-task.js"),
  "lsh-build": () => import("./index/lsh/build-steps.js"),
  "mih-build": () => import("./index/mih/build-steps.js"),
  "nsg-build": () => import("./index/nsg/build-task.js"),
  "nsg-help": () => import("./index/nsg/help-task.js"),
  "postings-build": () => import("./index/postings/build-task.js"),
  "quantized-graph-build": () => import("./index/quantized-graph/build-steps.js"),
  "tree-build": () => import("./index/tree/build-task.js"),
  "vamana-build": () => import("./index/vamana/build-task.js"),
});
