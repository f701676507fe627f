/**
 * Building a graph, as a sequence of steps of some milliseconds each: the same on a worker, which runs them through, and
 * on the calling thread, which breathes between them. Nothing here allocates in the store's memory: the owner
 * laid everything out before (see build.ts), so that a borrower can run the steps.
 *
 *   mean and codes -> insert all but the withheld -> measure recall on the withheld -> insert the withheld
 *   -> attach what is cut off
 */
import type { Calibration } from "../contract.js";
import type { VectorStore } from "../vector-store.js";
import type { HnswParameters } from "./defaults.js";
import { encodeVectors, type GraphLayout, openGraph } from "./graph-memory.js";
import { HnswIndex } from "./hnsw-index.js";
import { type MeasureWork, measureRecall } from "./measure.js";

export interface BuildJob {
  layout: GraphLayout;
  parameters: HnswParameters;
  slot: number;
  poolLength: number;
  /** The empty graph's, or that of a graph which is extended. */
  entry: number;
  top: number;
  /** Ordinals to insert: the first `bodyCount` before measuring, the other `withheldCount` after it. */
  order: number;
  bodyCount: number;
  withheldCount: number;
  /** Scratch of the repair: a bit and a u32 per node. */
  reached: number;
  stack: number;
  /** The mean and the codes are there already, except those of the ordinals in `order`. */
  extended: boolean;
  measure: MeasureWork | undefined;
}

/** Bytes of vectors whose codes are made in one step. */
const ENCODE_BYTES = 4 << 20;
/** Distances that a step may take, about; an insertion takes efConstruct x 2m x 2 at most. */
const STEP_DISTANCES = 200_000;
/** Rows that the mean is taken of, at most. */
const MEAN_ROWS = 20_000;

/** Yields the number of vectors inserted so far; returns what was measured. */
export function* buildSteps(store: VectorStore, job: BuildJob): Generator<number, Calibration | undefined> {
  const { layout } = job;
  yield* encode(store, job);
  openGraph(store, layout, job.entry, job.top);
  yield* insert(store, job, 0, job.bodyCount);
  let calibration: Calibration | undefined;
  if (job.measure) {
    const index = new HnswIndex(store, layout, job.parameters, job);
    calibration = yield* measureRecall(index, job.measure, job.order + job.bodyCount * 4, job.bodyCount);
  }
  yield* insert(store, job, job.bodyCount, job.withheldCount);
  repair(store, job);
  return calibration;
}

function* encode(store: VectorStore, job: BuildJob): Generator<number, void> {
  const { layout } = job;
  if (layout.encoding !== "int8") return;
  const { kernels, arena } = store;
  if (job.extended) {
    const added = job.bodyCount + job.withheldCount;
    for (let i = 0; i < added; i++) {
      const node = arena.u32[(job.order >>> 2) + i];
      encodeVectors(store, layout, node, node + 1);
    }
    return;
  }
  // The inner product is not invariant under translation: its codes keep the origin.
  const count = layout.metric === "Dot" ? 0 : layout.count;
  const step = Math.max(1, Math.floor(count / MEAN_ROWS));
  kernels.meanOf(store.rows, layout.dimensions, count, step, job.reached, layout.mean);
  const rows = Math.max(1, Math.floor(ENCODE_BYTES / (layout.dimensions * 4)));
  for (let from = 0; from < layout.count; from += rows) {
    encodeVectors(store, layout, from, Math.min(layout.count, from + rows));
    yield 0;
  }
}

function* insert(store: VectorStore, job: BuildJob, first: number, count: number): Generator<number, void> {
  const { layout, parameters } = job;
  const perStep = Math.max(1, Math.floor(STEP_DISTANCES / (parameters.efConstruct * layout.m * 2)));
  const ef = Math.min(parameters.efConstruct, job.poolLength);
  for (let done = 0; done < count; done += perStep) {
    const length = Math.min(perStep, count - done);
    const list = job.order + (first + done) * 4;
    store.kernels.hnswInsert(layout.head, job.slot, list, length, ef);
    yield first + done + length;
  }
}

function repair(store: VectorStore, job: BuildJob): void {
  const { layout, slot, reached, stack } = job;
  const ef = Math.min(job.parameters.efConstruct, job.poolLength);
  store.kernels.hnswRepair(layout.head, slot, layout.count, ef, reached, stack);
}
