/**
 * Builds inverted lists: lays out memory, lets the two halves (train, encode) run on a worker, or in slices on the calling
 * thread where memory is not shared, and between them puts the members of each list together.
 */

import { trainingRows } from "../../codec/kmeans.js";
import { throwIfCancelled, yieldToOthers } from "../../runtime/cancel.js";
import { canRunTasks, runTask } from "../../runtime/pool.js";
import { seededRandom } from "../../runtime/random.js";
import type { BuildOptions, Calibration } from "../contract.js";
import { searchManyBytes } from "../flat/index.js";
import { LEAST_MEASURED, TRUTH_LENGTH, WITHHELD, WITHHELD_SHARE } from "../masked-measure.js";
import type { VectorStore } from "../vector-store.js";
import { type Phase, type PhaseInput, phaseSteps } from "./build-task.js";
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

const DEFAULT_SEED = 42;
/** On the calling thread: milliseconds of work between two breaths. */
const SLICE_MS = 8;
/** A build smaller than this (vectors x dimensions) is over before a worker has started. */
const INLINE_NUMBERS = 100_000;
/** Share of the work that the first half is, about. */
const TRAIN_SHARE = 0.7;

export async function buildLists(
  store: VectorStore,
  parameters: IvfParameters,
  options: BuildOptions,
): Promise<IvfIndex> {
  throwIfCancelled(options.signal);
  const encoding = encodingFor(parameters, store.metric, store.dimensions);
  const { arena, count } = store;
  const seed = options.seed ?? DEFAULT_SEED;
  const withheld = options.calibrate === false ? new Uint32Array(0) : withhold(count, seed);
  const regions: number[] = [];
  const take = (bytes: number) => {
    const region = arena.allocate(bytes);
    regions.push(region);
    return region;
  };
  let layout: ListLayout | undefined;
  let done = false;
  try {
    const trained = await train(store, parameters, { seed, withheld, take, options });
    layout = gather(store, trained, encoding);
    drawSigns(arena, layout, seed);
    // The sample and all else of the first half is not needed any more.
    for (const region of regions.splice(0)) arena.release(region);
    options.progress?.(Math.floor(count * TRAIN_SHARE), count);
    throwIfCancelled(options.signal);
    const slot = allocateSlot(store, layout);
    regions.push(slot);
    const job: EncodeJob = {
      layout,
      parameters,
      slot,
      seed,
      codebookWork: take(codebookWorkBytes(layout)),
      measure: undefined,
    };
    if (withheld.length > 0) {
      const list = take(withheld.length * 4);
      arena.u32.set(withheld, list >>> 2);
      const truth = take(searchManyBytes(layout.dimensions, withheld.length, TRUTH_LENGTH));
      job.measure = { list, truth, queries: withheld.length, seed };
    }
    const calibration = await runPhase(store, { kind: "encode", job }, options, TRAIN_SHARE, 1);
    openLists(store, layout);
    const index = new IvfIndex(store, layout, parameters);
    index.calibration = calibration as Calibration | undefined;
    options.progress?.(count, count);
    done = true;
    return index;
  } finally {
    for (const region of regions) arena.release(region);
    if (!done && layout) arena.release(layout.region);
  }
}

/** What the first half found. */
interface Trained {
  lists: number;
  centroids: number;
  assignment: number;
  origin: number;
}

async function train(
  store: VectorStore,
  parameters: IvfParameters,
  means: { seed: number; withheld: Uint32Array; take: (bytes: number) => number; options: BuildOptions },
): Promise<Trained> {
  const { count, dimensions, arena, kernels } = store;
  const { seed, withheld, take, options } = means;
  const lists = listsFor(parameters, count);
  const mostLists = lists * 2;
  const sample = sampleWithout(withheld, count, lists * TRAINING_ROWS, seed);
  const job: TrainJob = {
    sample: take(sample.length * 4),
    sampleCount: sample.length,
    lists: Math.min(lists, sample.length),
    mostLists,
    iterations: parameters.iterations,
    seed,
    centroids: take((mostLists + 1) * dimensions * 4),
    assignment: take(count * 4),
    distances: take(count * 4),
    members: take(count * 4),
    parts: take(count * 4),
    origin: take(dimensions * 4),
    sums: take(dimensions * 8),
    work: take(trainWorkBytes(kernels, store, mostLists)),
  };
  if (count === 0) return { ...job, lists: 0 };
  arena.u32.set(sample, job.sample >>> 2);
  const found = await runPhase(store, { kind: "train", job }, options, 0, TRAIN_SHARE);
  return { ...job, lists: found as number };
}

/** Puts the members of each list together, in order of ordinal. */
function gather(store: VectorStore, trained: Trained, encoding: ListLayout["encoding"]): ListLayout {
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

/** Vectors to be the queries of the measurement; the centroids are found without them. */
function withhold(count: number, seed: number): Uint32Array {
  if (count < LEAST_MEASURED) return new Uint32Array(0);
  const wanted = Math.min(WITHHELD, Math.floor(count * WITHHELD_SHARE));
  return trainingRows(count, wanted, seededRandom(seed ^ 0x5bd1e995));
}

function sampleWithout(withheld: Uint32Array, count: number, limit: number, seed: number): Uint32Array {
  const apart = new Set(withheld);
  const rows = trainingRows(count, limit + withheld.length, seededRandom(seed));
  return rows.filter((row) => !apart.has(row));
}

/** Runs a phase to its end; its progress lies between the shares `from` and `to` of all work. */
async function runPhase(
  store: VectorStore,
  phase: Phase,
  options: BuildOptions,
  from: number,
  to: number,
): Promise<unknown> {
  const { count } = store;
  const progress = (done: number) => options.progress?.(Math.floor(count * from + done * (to - from)), count);
  if (store.shared && canRunTasks() && count * store.dimensions > INLINE_NUMBERS) {
    const handle = store.lend();
    try {
      const input: PhaseInput = { store: handle, phase };
      const module = new URL("./build-task.js", import.meta.url).href;
      return await runTask(module, input, { progress, signal: options.signal });
    } finally {
      store.takeBack(handle);
    }
  }
  const steps = phaseSteps(store, phase);
  let since = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() - since < SLICE_MS) continue;
    progress(step.value);
    await yieldToOthers();
    throwIfCancelled(options.signal);
    since = performance.now();
  }
}
