/** The phases of a tree's build, for whichever thread runs them; also the task that does so on a worker. */
import type { Calibration } from "../contract.js";
import { runStepsTask } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import { growSteps, type TreeJob } from "./build-steps.js";
import { type FinishJob, finishSteps } from "./finish-steps.js";
import type { BuiltTree } from "./tree-memory.js";

export type TreeTask = { phase: "grow"; job: TreeJob } | { phase: "finish"; job: FinishJob };

export type TreeTaskResult = BuiltTree | Calibration | undefined;

export function treeSteps(store: VectorStore, task: TreeTask): Generator<number, TreeTaskResult> {
  return task.phase === "grow" ? growSteps(store, task.job) : finishSteps(store, task.job);
}

export const run = runStepsTask(treeSteps);
