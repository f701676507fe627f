/**
 * Entry of the engine's worker threads: the tasks that they know, by the names that runtime/pool.ts is given. They are
 * imported from here so that bundlers find them.
 */
import { serve } from "#platform/worker.js";

serve({
  "hnsw-build": () => import("./index/hnsw/build-task.js"),
  "nsg-build": () => import("./index/nsg/build-task.js"),
  "vamana-build": () => import("./index/vamana/build-task.js"),
});
