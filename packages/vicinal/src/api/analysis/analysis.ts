/** Analyses of stored points: what is asked for, run, and put into words; the methods themselves are in analysis/. */
import {
  dbscan,
  duplicateGroups,
  hdbscan,
  kmeansClusters,
  type Neighbours,
  nearestNeighbours,
  outlierScores,
  principalComponents,
  umapPositions,
} from "../../analysis/index.js";
import type { PointId } from "../../payload/id.js";
import { throwIfCancelled, yieldToOthers } from "../../runtime/cancel.js";
import { VicinalError } from "../../runtime/errors.js";
import type { QueryScope } from "../queries/queries.js";
import type { AnalysisRequest } from "../schema/index.js";
import { wordsOfClusters } from "./cluster-words.js";
import { type Sample, takenSample } from "./sample.js";

export interface AnalysisOptions {
  signal?: AbortSignal;
  /** Called with what is being done and the share of it that is done, 0..1. */
  progress?: (stage: string, share: number) => void;
}

/** A cluster: its number, how many points it has, and one that stands for it. */
export interface Cluster {
  cluster: number;
  size: number;
  representative: PointId;
  /** With `words`: the words that mark it, most distinctive first. */
  words?: string[];
}

export interface ClusteringResult {
  /** By number, from 0. */
  clusters: Cluster[];
  /** Points in none. */
  noise: number;
  /** Cluster -1 is none; `probability` of hdbscan: how firmly the point belongs to it, 0..1. */
  points: { id: PointId; cluster: number; probability?: number }[];
  /** Of k-means: the sum of the squared distances to the centroids. */
  inertia?: number;
}

export interface DuplicatesResult {
  /** Groups of two or more, biggest first; each is reachable from its members by steps of at most the distance. */
  groups: { representative: PointId; ids: PointId[] }[];
}

export interface OutliersResult {
  /** The least ordinary first: a mean distance, or a local outlier factor (about 1 is ordinary). */
  points: { id: PointId; score: number }[];
}

export interface ProjectionResult {
  points: { id: PointId; x: number; y: number }[];
  /** Of pca: which share of the variance each axis shows. */
  explained?: number[];
}

type TaskResult = ClusteringResult | DuplicatesResult | OutliersResult | ProjectionResult;
/** What the task found. */
export type AnalysisResult = TaskResult & {
  /** Points that were analysed. */
  count: number;
};

/** What is written to the payload of a point. */
export type Finding = { id: PointId; value: unknown };

const DEFAULT_SEED = 42;
const DEFAULT_CLUSTER = 10;
const SAMPLES_MAX = 50;
const DEFAULT_POINTS = 5;
/** Edges of a vector in the graph that density clusters hang together by. */
const DENSITY_NEIGHBOURS = 30;
const DUPLICATE_NEIGHBOURS = 20;
const OUTLIER_NEIGHBOURS = 20;
const OUTLIERS = 10;
const MAP_NEIGHBOURS = 15;

interface Run {
  scope: QueryScope;
  sample: Sample;
  options: AnalysisOptions;
  breath: (stage: string) => (share: number) => Promise<void>;
}

/** Runs one analysis; `findings` are for those who want them written. */
export async function runAnalysis(
  scope: QueryScope,
  request: AnalysisRequest,
  options: AnalysisOptions = {},
): Promise<{ result: AnalysisResult; findings: Finding[] }> {
  const breath = (stage: string) => async (share: number) => {
    options.progress?.(stage, Math.min(1, Math.max(0, share)));
    await yieldToOthers();
    throwIfCancelled(options.signal);
  };
  await breath("reading")(0);
  const sample = await takenSample(scope, request, options.signal);
  if (sample.count < 2)
    throw new VicinalError(
      "OUT_OF_RANGE",
      `An analysis needs two points with the vector, there are ${sample.count}`,
      {
        count: sample.count,
      },
    );
  const run: Run = { scope, sample, options, breath };
  const { result, findings } = await resultOf(run, request);
  if (request.words) await nameClusters(run, request.words, result as ClusteringResult);
  options.progress?.("done", 1);
  return { result: { count: sample.count, ...result }, findings };
}

async function nameClusters(
  { scope, sample, options, breath }: Run,
  wanted: NonNullable<AnalysisRequest["words"]>,
  { clusters, points }: ClusteringResult,
): Promise<void> {
  await breath("words")(0);
  // Clusters are numbered in order, but one of k-means may be empty and is not listed.
  const groups = 1 + clusters.reduce((most, { cluster }) => Math.max(most, cluster), -1);
  const labels = Int32Array.from(points, ({ cluster }) => cluster);
  const words = await wordsOfClusters(scope, sample, labels, groups, wanted, options.signal);
  for (const cluster of clusters) cluster.words = words[cluster.cluster];
}

type Outcome = { result: TaskResult; findings: Finding[] };

async function resultOf(run: Run, request: AnalysisRequest): Promise<Outcome> {
  const { sample, breath } = run;
  if (request.kmeans) return clusteredByMeans(run, request.kmeans);
  if (request.hdbscan) {
    const minClusterSize = request.hdbscan.min_cluster_size ?? DEFAULT_CLUSTER;
    const minSamples = request.hdbscan.min_samples ?? Math.min(minClusterSize, SAMPLES_MAX);
    const graph = await neighbours(run, Math.max(minSamples, Math.min(minClusterSize, DENSITY_NEIGHBOURS)));
    const found = await hdbscan(
      graph,
      { minClusterSize, minSamples: Math.min(minSamples, graph.k) },
      breath("clusters"),
    );
    return clustering(sample, found.labels, undefined, found.probabilities);
  }
  if (request.dbscan) {
    const minPoints = Math.min(request.dbscan.min_points ?? DEFAULT_POINTS, sample.count - 1);
    const graph = await neighbours(run, Math.max(2 * minPoints, DENSITY_NEIGHBOURS));
    const { max_distance: maxDistance } = request.dbscan;
    const { labels } = await dbscan(graph, { maxDistance, minPoints }, breath("clusters"));
    return clustering(sample, labels);
  }
  if (request.duplicates) {
    const graph = await neighbours(run, DUPLICATE_NEIGHBOURS);
    const { max_distance: maxDistance } = request.duplicates;
    const { groups } = await duplicateGroups(graph, { maxDistance }, breath("groups"));
    return duplicates(sample, groups);
  }
  if (request.outliers) {
    const { method = "lof", neighbours: k, limit } = request.outliers;
    const graph = await neighbours(run, k ?? OUTLIER_NEIGHBOURS);
    const scores = await outlierScores(graph, { method: method ?? "lof" }, breath("scores"));
    return outliers(sample, scores, limit ?? OUTLIERS);
  }
  return projected(run, request.projection ?? {});
}

function neighbours({ scope, sample, options, breath }: Run, k: number): Promise<Neighbours> {
  return nearestNeighbours(scope.state.kernels, sample, Math.min(k, sample.count - 1), {
    signal: options.signal,
    breath: breath("neighbours"),
  });
}

async function clusteredByMeans(
  { sample, breath }: Run,
  task: NonNullable<AnalysisRequest["kmeans"]>,
): Promise<Outcome> {
  const found = await kmeansClusters(
    sample,
    {
      k: task.k === undefined || task.k === null ? undefined : Math.min(task.k, sample.count),
      kMax: task.k_max ?? undefined,
      iterations: task.iterations ?? undefined,
      seed: task.seed ?? DEFAULT_SEED,
    },
    breath("clusters"),
  );
  const outcome = clustering(sample, found.labels, found.representatives);
  return { ...outcome, result: { ...outcome.result, inertia: found.inertia } as ClusteringResult };
}

/** @param representatives By cluster; without them the first point of each, or its firmest. */
function clustering(
  { ids }: Sample,
  labels: Int32Array,
  representatives?: Uint32Array,
  probabilities?: Float32Array,
): Outcome {
  const clusters = new Map<number, { size: number; representative: number }>();
  labels.forEach((label, i) => {
    if (label < 0) return;
    const known = clusters.get(label);
    if (!known) clusters.set(label, { size: 1, representative: representatives?.[label] ?? i });
    else {
      known.size++;
      if (!representatives && (probabilities?.[i] ?? 0) > (probabilities?.[known.representative] ?? 0))
        known.representative = i;
    }
  });
  const result: ClusteringResult = {
    clusters: [...clusters]
      .sort(([a], [b]) => a - b)
      .map(([cluster, { size, representative }]) => ({ cluster, size, representative: ids[representative] })),
    noise: labels.reduce((sum, label) => sum + (label < 0 ? 1 : 0), 0),
    points: ids.map((id, i) =>
      probabilities ? { id, cluster: labels[i], probability: probabilities[i] } : { id, cluster: labels[i] },
    ),
  };
  return { result, findings: ids.map((id, i) => ({ id, value: labels[i] })) };
}

function duplicates({ ids }: Sample, groups: readonly Uint32Array[]): Outcome {
  const named = groups.map((group) => ({
    representative: ids[group[0]],
    ids: Array.from(group, (i) => ids[i]),
  }));
  const findings = named.flatMap(({ representative, ids: members }) =>
    members.map((id) => ({ id, value: representative })),
  );
  return { result: { groups: named }, findings };
}

function outliers({ ids }: Sample, scores: Float32Array, limit: number): Outcome {
  const points = ids.map((id, i) => ({ id, score: scores[i] }));
  const findings = points.map(({ id, score }) => ({ id, value: score }));
  points.sort((a, b) => b.score - a.score);
  return { result: { points: points.slice(0, limit) }, findings };
}

async function projected(run: Run, task: NonNullable<AnalysisRequest["projection"]>): Promise<Outcome> {
  const { sample, breath } = run;
  const seed = task.seed ?? DEFAULT_SEED;
  let positions: Float32Array;
  let explained: number[] | undefined;
  if (task.method === "pca")
    ({ positions, explained } = await principalComponents(sample, { components: 2, seed }, breath("axes")));
  else {
    const graph = await neighbours(run, task.neighbours ?? MAP_NEIGHBOURS);
    const { positions: start } = await principalComponents(sample, { components: 2, seed }, breath("axes"));
    const options = { minDist: task.min_dist ?? undefined, epochs: task.epochs ?? undefined, seed, start };
    positions = await umapPositions(graph, options, breath("map"));
  }
  const points = sample.ids.map((id, i) => ({ id, x: positions[2 * i], y: positions[2 * i + 1] }));
  const findings = points.map(({ id, x, y }) => ({ id, value: { x, y } }));
  return { result: explained ? { points, explained } : { points }, findings };
}
