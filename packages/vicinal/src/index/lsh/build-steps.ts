/** Filling the tables and measuring recall, as steps; also the task that does so on a worker. */
import type { Calibration } from "../contract.js";
import { geometricLadder, type MeasureOptions, measureRecall } from "../measure.js";
import { runStepsTask } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import type { MeasureWork } from "../withheld.js";
import { LshIndex } from "./lsh-index.js";
import type { TableLayout } from "./table-memory.js";

export interface LshJob {
  layout: TableLayout;
  /** A scratch of the thread that runs the steps: `allocateWork`. */
  work: number;
  answerBytes: number;
  /** u32 per vector. */
  fingerprints: number;
  measure: MeasureWork | undefined;
}

export interface LshBuilt {
  buckets: number;
  calibration: Calibration | undefined;
}

/** Multiplications that a step may take, about. */
const STEP_PRODUCTS = 20_000_000;

/**
 * A function does not depend on the vectors, so that nothing is withheld from the tables: a query of the measurement
 * finds what it would find if it were not there, and is kept from answering itself.
 */
export function* lshSteps(store: VectorStore, job: LshJob): Generator<number, LshBuilt> {
  const { layout, fingerprints } = job;
  const { kernels } = store;
  const { count, tables, functions, padded } = layout;
  const work = job.work + job.answerBytes;
  const rows = Math.max(1, Math.floor(STEP_PRODUCTS / (functions * padded)));
  for (let table = 0; table < tables; table++) {
    for (let from = 0; from < count; from += rows) {
      const to = Math.min(count, from + rows);
      kernels.lshFingerprints(layout.head, work, table, from, to, fingerprints);
      yield Math.floor((table * count + to) / tables);
    }
    kernels.lshFill(layout.head, table, fingerprints);
  }
  const buckets = tables > 0 ? kernels.lshBuckets(layout.head, 0) : 0;
  let calibration: Calibration | undefined;
  if (job.measure) {
    const index = new LshIndex(store, layout, buckets, job.work);
    const measuring: MeasureOptions = {
      masked: true,
      growing: true,
      ladder: () => geometricLadder(index.effort.max),
    };
    calibration = yield* measureRecall(index, job.measure, measuring, count);
  }
  return { buckets, calibration };
}

export const run = runStepsTask(lshSteps);
