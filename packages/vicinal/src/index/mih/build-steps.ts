/** Encoding, ordering, filling the tables and measuring recall, as steps; also the task that does so on a worker. */
import { encodeBinary, trainBinary } from "../../codec/binary/index.js";
import type { Calibration } from "../contract.js";
import { geometricLadder, type MeasureOptions, measureRecall } from "../measure.js";
import { runStepsTask } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import type { MeasureWork } from "../withheld.js";
import { openCodes, orderBits, tablesPay } from "./code-tables.js";
import { MIH_EFFORT, type MihParameters } from "./defaults.js";
import { MihIndex, type MihLayout } from "./mih-index.js";

export interface MihJob {
  layout: MihLayout;
  parameters: MihParameters;
  seed: number;
  /** A scratch of the thread that runs the steps: `allocateWork`. */
  work: number;
  /** Codes before their bits are put in order: count x stride bytes. */
  raw: number;
  /** MIH_EFFORT.default u64. */
  heap: number;
  measure: MeasureWork | undefined;
}

export interface MihBuilt {
  /** False when the tables were found not to pay. */
  tables: boolean;
  calibration: Calibration | undefined;
}

/** Multiplications that a step may take, about. */
const STEP_PRODUCTS = 20_000_000;
/** Room for the hits of the measurement's largest effort. */
export const MEASURED_HITS = 2 * MIH_EFFORT.max;

/** The planes see the vectors only through their mean: nothing is withheld, and no query answers itself. */
export function* mihSteps(store: VectorStore, job: MihJob): Generator<number, MihBuilt> {
  const { layout, parameters, raw } = job;
  const { codec, codes } = layout;
  const { kernels } = store;
  const { count, dimensions } = store;
  trainBinary(store, codec, store.metric !== "Dot", job.seed);
  const rows = Math.max(1, Math.floor(STEP_PRODUCTS / (codec.bits * dimensions)));
  for (let from = 0; from < count; from += rows) {
    const to = Math.min(count, from + rows);
    encodeBinary(store, codec, { from, to }, raw);
    yield to;
  }
  orderBits(store, codes, raw);
  kernels.binaryReorder(raw, codes.codes, count, codec.stride, codec.bits, codes.order);
  openCodes(store, codes);
  let open = codes;
  if (codes.parts > 0) {
    const pays =
      parameters.tables === true || tablesPay(store, codes, MIH_EFFORT.default, job.work, job.heap);
    if (!pays) open = { ...codes, parts: 0 };
    openCodes(store, open);
    for (let part = 0; part < open.parts; part++) {
      kernels.mihFill(codes.head, part);
      yield count;
    }
  }
  let calibration: Calibration | undefined;
  if (job.measure) {
    const index = new MihIndex(store, { ...layout, codes: open }, job.work);
    const measuring: MeasureOptions = {
      masked: true,
      growing: true,
      // A search for k refines k codes at least.
      ladder: (k) => geometricLadder(index.effort.max, Math.min(k, index.effort.max)),
    };
    calibration = yield* measureRecall(index, job.measure, measuring, count);
  }
  return { tables: open.parts > 0, calibration };
}

export const run = runStepsTask(mihSteps);
