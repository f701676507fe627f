/** The phases of a build of postings, for whichever thread runs them; also the task that does so on a worker. */
import { runStepsTask } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import { type AssignJob, assignSteps } from "./assign-steps.js";
import { type EncodeJob, encodeSteps } from "./encode-steps.js";
import { type TrainJob, trainSteps } from "./train-steps.js";

export type PostingsTask =
  | { phase: "train"; job: TrainJob }
  | { phase: "assign"; job: AssignJob }
  | { phase: "encode"; job: EncodeJob };

/** Heads, nothing, or what was measured. */
export function postingsSteps(store: VectorStore, task: PostingsTask): Generator<number, unknown> {
  if (task.phase === "train") return trainSteps(store, task.job);
  if (task.phase === "assign") return assignSteps(store, task.job);
  return encodeSteps(store, task.job);
}

export const run = runStepsTask(postingsSteps);
