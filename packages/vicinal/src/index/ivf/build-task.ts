/** The tasks that build inverted lists on a worker; see runtime/tasks.ts. */
import { VicinalError } from "../../runtime/errors.js";
import type { TaskContext } from "../../runtime/tasks.js";
import { type StoreHandle, VectorStore } from "../vector-store.js";
import { type EncodeJob, encodeSteps } from "./encode-steps.js";
import { type TrainJob, trainSteps } from "./train-steps.js";

/** One half of a build. */
export type Phase = { kind: "train"; job: TrainJob } | { kind: "encode"; job: EncodeJob };

export interface PhaseInput {
  store: StoreHandle;
  phase: Phase;
}

/** Milliseconds between two reports. */
const REPORT_MS = 50;

/** The steps of a phase; yields vectors done, of the store's count. */
export function phaseSteps(store: VectorStore, phase: Phase): Generator<number, unknown> {
  return phase.kind === "train" ? trainSteps(store, phase.job) : encodeSteps(store, phase.job);
}

export function run(input: unknown, context: TaskContext): unknown {
  const { store, phase } = input as PhaseInput;
  const attached = VectorStore.attach(store);
  const steps = phaseSteps(attached, phase);
  let reported = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (context.cancelled()) throw new VicinalError("CANCELLED", "The build was cancelled");
    const now = performance.now();
    if (now - reported < REPORT_MS) continue;
    reported = now;
    context.report(step.value, attached.count);
  }
}
