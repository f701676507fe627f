/** Builds codes and tables: lays out memory and lets the steps run. */
import { binaryStride, planeBytes, thresholdBytes } from "../../codec/binary/index.js";
import { trainingRows } from "../../codec/kmeans.js";
import { throwIfCancelled } from "../../runtime/cancel.js";
import { seededRandom } from "../../runtime/random.js";
import type { BuildOptions } from "../contract.js";
import { searchManyBytes } from "../flat/index.js";
import { LEAST_MEASURED, TRUTH_LENGTH, WITHHELD, WITHHELD_SHARE } from "../masked-measure.js";
import { largestNorm } from "../norms.js";
import { runSteps } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import { MEASURED_HITS, type MihJob, mihSteps } from "./build-steps.js";
import { allocateCodes, allocateWork, dropTables, openCodes, partsFor, releaseCodes } from "./code-tables.js";
import { bitsFor, MIH_EFFORT, type MihParameters } from "./defaults.js";
import { MihIndex, type MihLayout } from "./mih-index.js";

const DEFAULT_SEED = 42;

export async function buildCodes(
  store: VectorStore,
  parameters: MihParameters,
  options: BuildOptions,
): Promise<MihIndex> {
  throwIfCancelled(options.signal);
  const { arena, count, dimensions, metric } = store;
  const seed = options.seed ?? DEFAULT_SEED;
  const bits = bitsFor(parameters, dimensions);
  const regions: number[] = [];
  const take = (bytes: number) => {
    const region = arena.allocate(bytes);
    regions.push(region);
    return region;
  };
  let layout: MihLayout | undefined;
  let done = false;
  try {
    const largest = metric === "Dot" ? largestNorm(store) : 0;
    const parts = parameters.tables === false || count === 0 ? 0 : partsFor(bits, count);
    layout = allocateMih(store, { bits, largest, parts });
    const stride = layout.codec.stride;
    const work = allocateWork(store, layout.codes);
    regions.push(work);
    const job: MihJob = {
      layout,
      parameters,
      seed,
      work,
      raw: take(count * stride),
      heap: take(MIH_EFFORT.default * 8),
      measure: undefined,
    };
    if (options.calibrate !== false && count >= LEAST_MEASURED) {
      const queries = Math.min(WITHHELD, Math.floor(count * WITHHELD_SHARE));
      const list = take(queries * 4);
      arena.u32.set(trainingRows(count, queries, seededRandom(seed ^ 0x5bd1e995)), list >>> 2);
      job.measure = { list, truth: take(searchManyBytes(dimensions, queries, TRUTH_LENGTH)), queries, seed };
    }
    const module = new URL("./build-steps.js", import.meta.url).href;
    const { tables, calibration } = await runSteps(store, mihSteps, module, job, options, MEASURED_HITS);
    if (!tables) layout = { ...layout, codes: dropTables(store, layout.codes) };
    openCodes(store, layout.codes);
    const index = new MihIndex(store, layout);
    index.calibration = calibration;
    options.progress?.(count, count);
    done = true;
    return index;
  } finally {
    for (const region of regions) arena.release(region);
    if (!done && layout) {
      releaseCodes(store, layout.codes);
      arena.release(layout.codecRegion);
    }
  }
}

/** Takes the regions of an index. */
export function allocateMih(
  store: VectorStore,
  { bits, largest, parts }: { bits: number; largest: number; parts: number },
): MihLayout {
  const { arena, dimensions, count } = store;
  const stride = binaryStride(bits);
  const planes = Math.ceil(planeBytes(bits, dimensions) / 64) * 64;
  const codecBytes = planes + thresholdBytes(bits);
  const codecRegion = arena.allocate(codecBytes);
  try {
    const codec = { bits, stride, planes: codecRegion, thresholds: codecRegion + planes, largest };
    return { codec, codecRegion, codecBytes, codes: allocateCodes(store, { bits, stride, count, parts }) };
  } catch (error) {
    arena.release(codecRegion);
    throw error;
  }
}
