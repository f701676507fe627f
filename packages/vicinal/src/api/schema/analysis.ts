/** Analyses of stored points: which points, what is done with them, and what comes of it. Vicinal's own. */
import {
  anyJson,
  array,
  choice,
  type Infer,
  named,
  number,
  object,
  optional,
  refined,
  string,
  unsigned,
} from "../../runtime/schema.js";
import { analyzerFields } from "../../text/index.js";
import { extendedPointId } from "./common.js";
import { filter } from "./filter.js";
import { queryRequest } from "./query.js";

const seed = optional(unsigned({ max: 2 ** 32 - 1 })).describe(
  "The same seed and points give the same result. Default 42.",
);

const tasks = {
  kmeans: optional(
    named(
      "KMeansTask",
      object({
        k: optional(unsigned({ min: 2, max: 10_000 })).describe("Clusters. Default: chosen by silhouette."),
        k_max: optional(unsigned({ min: 2, max: 100 })).describe("The most that may be chosen. Default 20."),
        iterations: optional(unsigned({ min: 1, max: 1000 })),
        seed,
      }),
    ),
  ),
  hdbscan: optional(
    named(
      "HdbscanTask",
      object({
        min_cluster_size: optional(unsigned({ min: 2, max: 100_000 })).describe("Default 10."),
        min_samples: optional(unsigned({ min: 1, max: 200 })).describe(
          "How many neighbours make a place dense. Default min_cluster_size, 50 at most.",
        ),
      }),
    ),
  ),
  dbscan: optional(
    named(
      "DbscanTask",
      object({
        max_distance: number({ min: 0 }).describe("Of neighbours: 1 - cosine, or the metric's distance."),
        min_points: optional(unsigned({ min: 2, max: 200 })).describe("Default 5."),
      }),
    ),
  ),
  duplicates: optional(named("DuplicatesTask", object({ max_distance: number({ min: 0 }) }))),
  outliers: optional(
    named(
      "OutliersTask",
      object({
        method: optional(choice("distance", "lof")).describe("Default lof."),
        neighbours: optional(unsigned({ min: 2, max: 200 })).describe("Default 20."),
        limit: optional(unsigned({ min: 1 })).describe("How many are answered. Default 10."),
      }),
    ),
  ),
  projection: optional(
    named(
      "ProjectionTask",
      object({
        method: optional(choice("umap", "pca")).describe("Default umap."),
        neighbours: optional(unsigned({ min: 2, max: 200 })).describe("Of umap. Default 15."),
        min_dist: optional(number({ min: 0, max: 1 })).describe("Of umap. Default 0.1."),
        epochs: optional(unsigned({ min: 1, max: 2000 })),
        seed,
      }),
    ),
  ),
};
export const taskNames = Object.keys(tasks) as (keyof typeof tasks)[];

const clusterings = ["kmeans", "hdbscan", "dbscan"] as const;

const words = named(
  "ClusterWords",
  object({
    key: string({ minLength: 1 }).describe("A payload field with a text, or texts."),
    limit: optional(unsigned({ min: 1, max: 100 })).describe("Words a cluster at most. Default 5."),
    ...analyzerFields,
  }),
).describe("Words of this payload field that tell each cluster from the others.");

export const analysisRequest = named(
  "AnalysisRequest",
  refined(
    object({
      using: optional(string()).describe("Name of a dense vector. Default: the one without a name."),
      filter: optional(filter).describe("Among which points. Default all."),
      of: optional(queryRequest).describe("Only the points that this query finds."),
      limit: optional(unsigned({ min: 2, max: 1_000_000 })).describe(
        "The most points that are taken; more are refused. Default 100,000.",
      ),
      write: optional(named("AnalysisWrite", object({ key: string({ minLength: 1 }) }))).describe(
        "Writes each point's result to its payload under this key.",
      ),
      words: optional(words),
      ...tasks,
    }),
    (request) => {
      const asked = taskNames.filter((name) => request[name] !== undefined && request[name] !== null);
      if (asked.length !== 1) return `expected exactly one of ${taskNames.join(", ")}`;
      const isClustering = clusterings.some((name) => name === asked[0]);
      return request.words && !isClustering
        ? `words are those of clusters, of ${clusterings.join(", ")}`
        : undefined;
    },
  ),
);
export type AnalysisRequest = Infer<typeof analysisRequest>;

/** What a job has come to. */
export const analysisJob = named(
  "AnalysisJob",
  object({
    id: string(),
    task: choice("kmeans", "hdbscan", "dbscan", "duplicates", "outliers", "projection"),
    status: choice("running", "done", "failed", "cancelled"),
    stage: string(),
    progress: number({ min: 0, max: 1 }),
    result: optional(anyJson()),
    error: optional(string()),
  }),
);
export type AnalysisJob = Infer<typeof analysisJob>;
export const analysisJobs = named("AnalysisJobs", object({ jobs: array(analysisJob) }));

/** A point with what was found of it. */
export const analysedPoint = object({ id: extendedPointId });
