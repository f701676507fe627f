/** The second phase of a build: codes, the measurement, and the vectors that were withheld for it. */
import type { Calibration } from "../contract.js";
import { geometricLadder, type MeasureOptions, measureRecall } from "../measure.js";
import { relay } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import type { MeasureWork } from "../withheld.js";
import { insertIntoTree } from "./insert.js";
import { refinedFor, type TreeHandle, TreeIndex } from "./tree-index.js";
import { encodeSteps } from "./tree-memory.js";

export interface FinishJob {
  /** A tree without the withheld; the handle is of the thread that runs the steps. */
  tree: TreeHandle;
  withheld: Uint32Array;
  /** Region of dimensions f64. */
  sums: number;
  measure: MeasureWork | undefined;
}

/** Yields the share of the work that is done, in vectors; returns what was measured. */
export function* finishSteps(store: VectorStore, job: FinishJob): Generator<number, Calibration | undefined> {
  const { tree, withheld, sums, measure } = job;
  const { kind, layout, slot } = tree;
  const present = store.count - withheld.length;
  yield* relay(encodeSteps(store, layout, present, sums), (done) => done * 0.2);
  if (!measure) return undefined;
  const index = new TreeIndex(store, kind, layout, slot);
  const calibration = yield* measureRecall(index, measure, measuring(present), present * 0.2);
  insertIntoTree(store, layout, withheld);
  yield* relay(encodeSteps(store, layout, store.count, sums), (done) => store.count * 0.9 + done * 0.1);
  return calibration;
}

/** With as many vectors compared as pass, the answer is exact: no effort beyond is of use. */
function measuring(present: number): MeasureOptions {
  return {
    masked: false,
    // The withheld vectors make each leaf longer, and the same effort will reach fewer leaves.
    growing: true,
    ladder: (k, selectivity) => {
      const most = Math.max(1, Math.floor(present * selectivity));
      return geometricLadder(most, Math.min(most, refinedFor(k)));
    },
    dear: { effort: 2048, queries: 300 },
  };
}
