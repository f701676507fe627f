/** The phases of an IVF build, for whichever thread runs them; also the task that does so on a worker. */
import type { Calibration } from "../contract.js";
import { runStepsTask } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import { type EncodeJob, encodeSteps } from "./encode-steps.js";
import { type TrainJob, trainSteps } from "./train-steps.js";

export type ListsTask = { phase: "train"; job: TrainJob } | { phase: "encode"; job: EncodeJob };

/** The number of lists, or what was measured. */
export type ListsTaskResult = number | Calibration | undefined;

export function listsSteps(store: VectorStore, task: ListsTask): Generator<number, ListsTaskResult> {
  return task.phase === "train" ? trainSteps(store, task.job) : encodeSteps(store, task.job);
}

export const run = runStepsTask(listsSteps);
