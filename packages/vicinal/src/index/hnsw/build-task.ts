/** The task that builds a graph on a worker; see runtime/tasks.ts. */

import { VicinalError } from "../../runtime/errors.js";
import type { TaskContext } from "../../runtime/tasks.js";
import type { Calibration } from "../contract.js";
import { type StoreHandle, VectorStore } from "../vector-store.js";
import { type BuildJob, buildSteps } from "./build-steps.js";

export interface BuildInput {
  store: StoreHandle;
  job: BuildJob;
  total: number;
}

/** Milliseconds between two reports. */
const REPORT_MS = 50;

export function run(input: unknown, context: TaskContext): Calibration | undefined {
  const { store, job, total } = input as BuildInput;
  const steps = buildSteps(VectorStore.attach(store), job);
  let reported = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (context.cancelled()) throw new VicinalError("CANCELLED", "The build was cancelled");
    const now = performance.now();
    if (now - reported < REPORT_MS) continue;
    reported = now;
    context.report(step.value, total);
  }
}
