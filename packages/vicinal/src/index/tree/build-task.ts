/** The tasks of a tree's build on a worker: growing it, encoding its rows, and measuring it; see runtime/tasks.ts. */
import { VicinalError } from "../../runtime/errors.js";
import type { TaskContext } from "../../runtime/tasks.js";
import type { Calibration } from "../contract.js";
import { type StoreHandle, VectorStore } from "../vector-store.js";
import { buildTreeSteps, type TreeJob } from "./build-steps.js";
import { measureRecall } from "./measure.js";
import { type TreeHandle, TreeIndex } from "./tree-index.js";
import { type BuiltTree, encodeSteps, type TreeLayout } from "./tree-memory.js";

export interface EncodeJob {
  layout: TreeLayout;
  /** Rows that are in the tree. */
  present: number;
  /** Region of dimensions f64. */
  sums: number;
}

export interface MeasureJob {
  tree: TreeHandle;
  withheld: Uint32Array;
  present: number;
  truth: number;
  seed: number;
}

export type TreeTask =
  | { kind: "build"; job: TreeJob }
  | { kind: "encode"; job: EncodeJob }
  | { kind: "measure"; job: MeasureJob };

export type TreeTaskResult = BuiltTree | Calibration | undefined;

/** The steps of any, for whichever thread runs them; they yield the number of rows done. */
export function* taskSteps(store: VectorStore, task: TreeTask): Generator<number, TreeTaskResult> {
  if (task.kind === "build") return yield* buildTreeSteps(store, task.job);
  if (task.kind === "encode") {
    const { layout, present, sums } = task.job;
    yield* encodeSteps(store, layout, present, sums);
    return undefined;
  }
  const { tree, withheld, present, truth, seed } = task.job;
  const index = new TreeIndex(store, tree.kind, tree.layout, tree.slot);
  const steps = measureRecall(index, withheld, present, truth, seed);
  let step = steps.next();
  for (; !step.done; step = steps.next()) yield present;
  return step.value;
}

/** Milliseconds between two reports. */
const REPORT_MS = 50;

export function run(input: unknown, context: TaskContext): TreeTaskResult {
  const { store, task, total } = input as { store: StoreHandle; task: TreeTask; total: number };
  const steps = taskSteps(VectorStore.attach(store), task);
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
