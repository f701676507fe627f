/**
 * Runs a build that is written as steps of some milliseconds each: on a worker, which runs them through, or on the
 * calling thread, which breathes between them, where memory is not shared or the work is small.
 *
 * A build may have several phases, with work of its owner between them (laying out what the next one fills): each is
 * run for itself and takes its share of the progress.
 */
import { throwIfCancelled, yieldToOthers } from "../runtime/cancel.js";
import { VicinalError } from "../runtime/errors.js";
import { canRunTasks, runTask } from "../runtime/pool.js";
import type { TaskContext } from "../runtime/tasks.js";
import type { BuildOptions } from "./contract.js";
import { type StoreHandle, VectorStore } from "./vector-store.js";

/** On the calling thread: milliseconds of work between two breaths. */
const SLICE_MS = 8;
/** A build smaller than this (vectors x dimensions) is over before a worker has started. */
const INLINE_NUMBERS = 100_000;
/** On a worker: milliseconds between two reports. */
const REPORT_MS = 50;

/** Steps over a job; they yield how many of the store's vectors are done and allocate nothing in its memory. */
export type Steps<Job, Result> = (store: VectorStore, job: Job) => Generator<number, Result>;

export interface PhaseOptions {
  /** The share of the build's work that is done before the phase, and after it; default 0 and 1. */
  from?: number;
  to?: number;
  /** Hits that searches of the phase need room for, where that is more than a scratch has. */
  hits?: number;
}

/** Whether work on a store is given to a worker. */
export function runsOnWorker(store: VectorStore): boolean {
  return store.shared && canRunTasks() && store.count * store.dimensions > INLINE_NUMBERS;
}

/**
 * Runs a phase to its end. `task`: the name by which src/worker.ts lists the module whose `run` is
 * `runStepsTask(steps)`. The job must be such that it can be posted.
 */
export async function runSteps<Job, Result>(
  store: VectorStore,
  steps: Steps<Job, Result>,
  task: string,
  job: Job,
  options: BuildOptions,
  { from = 0, to = 1, hits }: PhaseOptions = {},
): Promise<Result> {
  const total = store.count;
  const { signal } = options;
  const progress = (done: number) =>
    options.progress?.(Math.floor(total * from + Math.min(done, total) * (to - from)), total);
  throwIfCancelled(signal);
  if (runsOnWorker(store)) {
    const handle = store.lend(hits);
    try {
      const result = await runTask<Result>(task, { store: handle, job }, { progress, signal });
      // It may have come to its end before it heard of the signal.
      throwIfCancelled(signal);
      return result;
    } finally {
      store.takeBack(handle);
    }
  }
  return runInSlices(steps(store, job), progress, signal);
}

/** Runs steps through on the calling thread, which breathes between them. */
export async function runInSlices<Result>(
  run: Generator<number, Result>,
  progress: (done: number) => void,
  signal: AbortSignal | undefined,
): Promise<Result> {
  let since = performance.now();
  for (;;) {
    const step = run.next();
    if (step.done) return step.value;
    if (performance.now() - since < SLICE_MS) continue;
    progress(step.value);
    await yieldToOthers();
    throwIfCancelled(signal);
    since = performance.now();
  }
}

/** The `run` of a task module: see runtime/tasks.ts. */
export function runStepsTask<Job, Result>(
  steps: Steps<Job, Result>,
): (input: unknown, context: TaskContext) => Result {
  return (input, context) => {
    const { store, job } = input as { store: StoreHandle; job: Job };
    const attached = VectorStore.attach(store);
    const run = steps(attached, job);
    let reported = performance.now();
    for (;;) {
      const step = run.next();
      if (step.done) return step.value;
      if (context.cancelled()) throw new VicinalError("CANCELLED", "The build was cancelled");
      const now = performance.now();
      if (now - reported < REPORT_MS) continue;
      reported = now;
      context.report(step.value, attached.count);
    }
  };
}

/** Runs steps through within others, with progress in the others' units. */
export function* relay<Result>(
  steps: Generator<number, Result>,
  progress: (done: number) => number,
): Generator<number, Result> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    yield progress(step.value);
  }
}
