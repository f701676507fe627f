/**
 * Building a graph, as a sequence of steps of some milliseconds each. Nothing here allocates in the store's memory: the
 * owner laid everything out before (see build.ts), so that a borrower can run the steps.
 *
 *   mean and codes -> put twins aside -> the family's graph over all but the withheld -> measure recall on the withheld
 *   -> add the withheld -> attach what is cut off
 */
import type { Calibration } from "../contract.js";
import { type MeasureOptions, measureRecall } from "../measure.js";
import { relay, type Steps } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import type { MeasureWork } from "../withheld.js";
import type { Perform } from "./crew.js";
import { GraphIndex, type GraphKind } from "./graph-index.js";
import { clearLinks, encodeVectors, type GraphLayout, openGraph } from "./graph-memory.js";
import { attachTwins, findTwins, withoutTwins } from "./twins.js";

export interface GraphJob<M> {
  kind: GraphKind;
  layout: GraphLayout;
  slot: number;
  poolLength: number;
  /** Beam with which nodes are inserted and attached. */
  ef: number;
  seed: number;
  /** The empty graph's, or that of a graph which is extended. */
  entry: number;
  top: number;
  /** Ordinals to insert: the first `bodyCount` before measuring, the other `withheldCount` after it. */
  order: number;
  bodyCount: number;
  withheldCount: number;
  measure: MeasureWork | undefined;
  /** Scratch of the repair: a bit and a u32 per node; the first takes `dimensions` f64 and f32 too. */
  reached: number;
  stack: number;
  /** The mean and the codes are there already, except those of the ordinals in `order`. */
  extended: boolean;
  /** What threads that share the work agree on; see crew.ts. */
  crew: Int32Array;
  /** What the family needs beyond this. */
  own: M;
}

/** How a family makes its graph. */
export interface GraphMethod<M> {
  /** Links the first `bodyCount` nodes of the order, in an open graph without links; yields how many are done. */
  grow(store: VectorStore, job: GraphJob<M>): Generator<number, void>;
  /** Adds `count` nodes of the order, from `first` on, to the graph; yields how many are done. */
  add(store: VectorStore, job: GraphJob<M>, first: number, count: number): Generator<number, void>;
  /** How a thread does a part of the work that is shared, with the slot of the job. */
  perform?(store: VectorStore, job: GraphJob<M>): Perform;
}

/** Bytes of vectors whose codes are made in one step. */
const ENCODE_BYTES = 4 << 20;
/** Rows that the mean is taken of, at most. */
const MEAN_ROWS = 20_000;

/** Steps that yield the number of vectors done so far and return what was measured. */
export function graphSteps<M>(method: GraphMethod<M>): Steps<GraphJob<M>, Calibration | undefined> {
  return function* (store, whole) {
    const { layout } = whole;
    yield* encode(store, whole);
    const twins = yield* findTwins(store, whole);
    const order = store.arena.u32.slice(
      whole.order >>> 2,
      (whole.order >>> 2) + whole.bodyCount + whole.withheldCount,
    );
    const job = twins ? withoutTwins(store, whole, twins) : whole;
    const { bodyCount, withheldCount } = job;
    const before = layout.count - bodyCount - withheldCount;
    if (layout.upperSlots === 0 && !job.extended) clearLinks(store, layout, layout);
    openGraph(store, layout, job.entry, job.top);
    const on = (done: number) => before + done;
    const body = job.extended ? method.add(store, job, 0, bodyCount) : method.grow(store, job);
    yield* relay(body, on);
    if (twins) attachTwins(store, layout, twins, order.subarray(0, whole.bodyCount));
    let calibration: Calibration | undefined;
    if (job.measure) {
      const index = new GraphIndex(store, job.kind, layout, job);
      calibration = yield* measureRecall(index, job.measure, measuring(layout.count), on(bodyCount));
    }
    yield* relay(method.add(store, job, bodyCount, withheldCount), (done) => on(bodyCount + done));
    if (twins) attachTwins(store, layout, twins, order.subarray(whole.bodyCount));
    store.kernels.graphRepair(layout.head, job.slot, layout.count, job.ef, job.reached, job.stack);
    return calibration;
  };
}

/** Beams up to this long are measured; the slot of a build must hold them. */
export const MEASURED_POOL = 16384;
const efforts = [10, 12, 16, 24, 32, 48, 64, 96, 100, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];
const filteredEfforts = [10, 16, 32, 64, 128, 256];

function measuring(count: number): MeasureOptions {
  return {
    masked: false,
    growing: false,
    ladder(k, selectivity) {
      // A filtered beam is wider by the selectivity, and half as much again.
      const most = Math.min(count, (MEASURED_POOL / 2) * selectivity);
      const ladder = selectivity < 1 ? filteredEfforts : efforts;
      return ladder.filter((effort) => effort >= Math.min(k, 100) && effort <= most);
    },
    dear: { effort: 128, queries: 400 },
  };
}

function* encode<M>(store: VectorStore, job: GraphJob<M>): Generator<number, void> {
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

/** Cuts work over a list into parts of about `distances` distances: yields how many are done after each. */
export function* inParts(
  count: number,
  distancesEach: number,
  part: (first: number, length: number) => void,
): Generator<number, void> {
  const perStep = Math.max(1, Math.floor(STEP_DISTANCES / distancesEach));
  for (let done = 0; done < count; done += perStep) {
    const length = Math.min(perStep, count - done);
    part(done, length);
    yield done + length;
  }
}

/** Distances that a step may take, about. */
const STEP_DISTANCES = 200_000;
