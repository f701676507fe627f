/**
 * Building a quantized graph, as steps of some milliseconds each; also the task that does so on a worker.
 *
 *   mean, lift -> rotate and encode -> root -> rounds of linking all but the withheld -> measure recall on the withheld
 *   -> link the withheld -> make all reachable
 */
import type { Calibration } from "../contract.js";
import { measureRecall } from "../measure.js";
import { runStepsTask } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import type { MeasureWork } from "../withheld.js";
import type { QuantizedGraphParameters } from "./defaults.js";
import { type BuildMemory, type GraphLayout, openGraph } from "./graph-memory.js";
import { measureOptions, QuantizedGraphIndex } from "./quantized-graph-index.js";

export interface QuantizedGraphJob {
  layout: GraphLayout;
  build: BuildMemory;
  parameters: QuantizedGraphParameters;
  slot: number;
  poolLength: number;
  /** u32 each: entry vertices. */
  entries: number;
  entryCount: number;
  /** u32 each: ordinals to link, the first `bodyCount` before measuring, the other `withheldCount` after it. */
  order: number;
  bodyCount: number;
  withheldCount: number;
  measure: MeasureWork | undefined;
}

/** Numbers that are rotated in one step. */
const TURN_NUMBERS = 1 << 20;
/** Vertices linked in one step, times the beam. */
const LINK_PLACES = 2000;
/** Rows that the mean is taken of, at most. */
const MEAN_ROWS = 20_000;

/** Yields vectors done, of the store's count; returns what was measured. */
export function* quantizedGraphSteps(
  store: VectorStore,
  job: QuantizedGraphJob,
): Generator<number, Calibration | undefined> {
  const { layout, build, parameters } = job;
  const { kernels } = store;
  const { count } = layout;
  const { rounds, efConstruct } = parameters;
  yield* turnVectors(store, job);
  kernels.qgraphClear(layout.head, job.entries, job.entryCount);
  const vertices = job.bodyCount * rounds + job.withheldCount;
  let linked = 0;
  function* link(first: number, length: number): Generator<number, void> {
    const perStep = Math.max(1, Math.floor(LINK_PLACES / efConstruct));
    for (let done = 0; done < length; done += perStep) {
      const some = Math.min(perStep, length - done);
      const list = job.order + (first + done) * 4;
      kernels.qgraphLink(layout.head, job.slot, list, some, Math.min(efConstruct, job.poolLength));
      linked += some;
      yield Math.floor((linked / vertices) * count);
    }
  }
  for (let round = 0; round < rounds; round++) yield* link(0, job.bodyCount);
  let calibration: Calibration | undefined;
  if (job.measure) {
    const index = new QuantizedGraphIndex(store, layout, parameters, job);
    calibration = yield* measureRecall(
      index,
      job.measure,
      measureOptions(count),
      Math.floor((linked / vertices) * count),
    );
  }
  yield* link(job.bodyCount, job.withheldCount);
  const ef = Math.min(efConstruct, job.poolLength);
  kernels.qgraphRepair(layout.head, job.slot, ef, build.parents, build.stack);
  return calibration;
}

/** The mean, and every vector in the rotated space, in floats and in 8 bits. */
function* turnVectors(store: VectorStore, { layout, build }: QuantizedGraphJob): Generator<number, void> {
  const { kernels, arena } = store;
  const { count, dimensions, bits } = layout;
  const step = Math.max(1, Math.floor(count / MEAN_ROWS));
  arena.f32.fill(0, layout.mean >>> 2, (layout.mean >>> 2) + dimensions + 1);
  arena.f32.fill(0, build.zeros >>> 2, (build.zeros >>> 2) + bits);
  // Sums of 64 bits take the room of the links, which come later.
  if (count > 1) kernels.meanOf(store.rows, dimensions, count, step, build.links, layout.mean);
  openGraph(store, layout, build);
  if (layout.sphere > 0) arena.f32[(layout.mean >>> 2) + dimensions] = kernels.qgraphLift(layout.head, step);
  const rows = Math.max(1, Math.floor(TURN_NUMBERS / bits));
  for (let from = 0; from < count; from += rows) {
    const to = Math.min(count, from + rows);
    kernels.qgraphTurn(layout.head, from, to, build.zeros);
    yield 0;
  }
}

export const run = runStepsTask(quantizedGraphSteps);
