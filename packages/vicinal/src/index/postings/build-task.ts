/** The parts of a build that run on a worker; see steps-runner.ts. */
import { runStepsTask } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import { type AssignJob, assignSteps } from "./assign-steps.js";
import { type EncodeJob, encodeSteps } from "./encode-steps.js";
import { type TrainJob, trainSteps } from "./train-steps.js";

export type Phase =
  | { kind: "train"; job: TrainJob }
  | { kind: "assign"; job: AssignJob }
  | { kind: "encode"; job: EncodeJob };

export function phaseSteps(store: VectorStore, phase: Phase): Generator<number, unknown> {
  if (phase.kind === "train") return trainSteps(store, phase.job);
  if (phase.kind === "assign") return assignSteps(store, phase.job);
  return encodeSteps(store, phase.job);
}

export const run = runStepsTask(phaseSteps);
