/**
 * Builds inverted lists in two phases, training and encoding; between them the members of each list are put together.
 */
import { trainingRows } from "../../codec/kmeans.js";
import { seededRandom } from "../../runtime/random.js";
import { type BuildMemory, building } from "../build-memory.js";
import type { BuildOptions, Calibration } from "../contract.js";
import { runSteps } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import { DEFAULT_SEED, measureWork, withhold } from "../withheld.js";
import { type ListsTask, type ListsTaskResult, listsSteps } from "./build-task.js";
import { encodingFor, type IvfParameters, listsFor, TRAINING_ROWS } from "./defaults.js";
import { codebookWorkBytes, type EncodeJob } from "./encode-steps.js";
import { IvfIndex } from "./ivf-index.js";
import {
  allocateLists,
  allocateSlot,
  BLOCK,
  drawSigns,
  type ListLayout,
  NO_ID,
  openLists,
  placeLists,
} from "./list-memory.js";
import { type TrainJob, trainWorkBytes } from "./train-steps.js";

/** Share of the work that the first phase is, about. */
const TRAIN_SHARE = 0.7;

export function buildLists(
  store: VectorStore,
  parameters: IvfParameters,
  options: BuildOptions,
): Promise<IvfIndex> {
  return building(store, options, async (memory) => {
    const encoding = encodingFor(parameters, store.metric, store.dimensions);
    const seed = options.seed ?? DEFAULT_SEED;
    const withheld = withhold(store, options);
    const run = (task: ListsTask, from: number, to: number): Promise<ListsTaskResult> =>
      runSteps(store, listsSteps, "ivf-build", task, options, { from, to });

    const training = layOutTraining(store, parameters, { seed, withheld, memory });
    const lists =
      store.count === 0 ? 0 : ((await run({ phase: "train", job: training }, 0, TRAIN_SHARE)) as number);
    const layout = memory.keep(gather(store, { ...training, lists }, encoding));
    drawSigns(store.arena, layout, seed);
    memory.releaseScratch();

    const job: EncodeJob = {
      layout,
      parameters,
      slot: memory.scratch(allocateSlot(store, layout)),
      seed,
      codebookWork: memory.take(codebookWorkBytes(layout)),
      measure: measureWork(store, memory, withheld, options),
    };
    const measured = await run({ phase: "encode", job }, TRAIN_SHARE, 1);
    openLists(store, layout);
    const index = new IvfIndex(store, layout, parameters);
    index.calibration = measured as Calibration | undefined;
    return index;
  });
}

function layOutTraining(
  store: VectorStore,
  parameters: IvfParameters,
  { seed, withheld, memory }: { seed: number; withheld: Uint32Array; memory: BuildMemory },
): TrainJob {
  const { count, dimensions, arena, kernels } = store;
  const lists = listsFor(parameters, count);
  const mostLists = lists * 2;
  const sample = sampleWithout(withheld, count, lists * TRAINING_ROWS, seed);
  const job: TrainJob = {
    sample: memory.take(sample.length * 4),
    sampleCount: sample.length,
    lists: Math.min(lists, sample.length),
    mostLists,
    iterations: parameters.iterations,
    seed,
    centroids: memory.take((mostLists + 1) * dimensions * 4),
    assignment: memory.take(count * 4),
    distances: memory.take(count * 4),
    members: memory.take(count * 4),
    parts: memory.take(count * 4),
    origin: memory.take(dimensions * 4),
    sums: memory.take(dimensions * 8),
    work: memory.take(trainWorkBytes(kernels, store, mostLists)),
  };
  arena.u32.set(sample, job.sample >>> 2);
  return job;
}

/** Puts the members of each list together, in order of ordinal. */
function gather(
  store: VectorStore,
  trained: Pick<TrainJob, "lists" | "centroids" | "assignment" | "origin">,
  encoding: ListLayout["encoding"],
): ListLayout {
  const { count, dimensions, arena } = store;
  const { lists } = trained;
  const sizes = new Uint32Array(lists);
  const assignment = trained.assignment >>> 2;
  for (let i = 0; i < count; i++) sizes[arena.u32[assignment + i]]++;
  let blocks = 0;
  for (const size of sizes) blocks += Math.ceil(size / BLOCK);
  const layout = allocateLists(store, { dimensions, count, lists, blocks, encoding });
  const { u8, u32 } = arena;
  const copy = (from: number, to: number, bytes: number) => u8.copyWithin(to, from, from + bytes);
  copy(trained.centroids, layout.centroids, lists * dimensions * 4);
  if (encoding !== "float32") copy(trained.origin, layout.origin, dimensions * 4);
  u32.set(sizes, layout.sizes >>> 2);
  placeLists(arena, layout);
  const ids = layout.ids >>> 2;
  u32.fill(NO_ID, ids, ids + blocks * BLOCK);
  const next = u32.slice(layout.starts >>> 2, (layout.starts >>> 2) + lists).map((block) => block * BLOCK);
  for (let i = 0; i < count; i++) u32[ids + next[u32[assignment + i]]++] = i;
  return layout;
}

function sampleWithout(withheld: Uint32Array, count: number, limit: number, seed: number): Uint32Array {
  const apart = new Set(withheld);
  const rows = trainingRows(count, limit + withheld.length, seededRandom(seed));
  return rows.filter((row) => !apart.has(row));
}
