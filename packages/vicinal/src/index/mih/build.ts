/** Builds codes and tables: lays out memory and lets the steps run. */
import { binaryStride, planeBytes, thresholdBytes } from "../../codec/binary/index.js";
import { building } from "../build-memory.js";
import type { BuildOptions } from "../contract.js";
import { largestNorm } from "../norms.js";
import { runSteps } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import { DEFAULT_SEED, measureWork, withhold } from "../withheld.js";
import { MEASURED_HITS, type MihJob, mihSteps } from "./build-steps.js";
import { allocateCodes, allocateWork, dropTables, openCodes, partsFor } from "./code-tables.js";
import { bitsFor, MIH_EFFORT, type MihParameters } from "./defaults.js";
import { MihIndex, type MihLayout, releaseMih } from "./mih-index.js";

export function buildCodes(
  store: VectorStore,
  parameters: MihParameters,
  options: BuildOptions,
): Promise<MihIndex> {
  return building(store, options, async (memory) => {
    const { count, dimensions, metric } = store;
    const bits = bitsFor(parameters, dimensions);
    const largest = metric === "Dot" ? largestNorm(store) : 0;
    const parts = parameters.tables === false || count === 0 ? 0 : partsFor(bits, count);
    let layout = allocateMih(store, { bits, largest, parts });
    memory.onFailure(() => releaseMih(store, layout));
    const job: MihJob = {
      layout,
      parameters,
      seed: options.seed ?? DEFAULT_SEED,
      work: memory.scratch(allocateWork(store, layout.codes)),
      raw: memory.take(count * layout.codec.stride),
      heap: memory.take(MIH_EFFORT.default * 8),
      measure: measureWork(store, memory, withhold(store, options), options),
    };
    const { tables, calibration } = await runSteps(store, mihSteps, "mih-build", job, options, {
      hits: MEASURED_HITS,
    });
    if (!tables) layout = { ...layout, codes: dropTables(store, layout.codes) };
    openCodes(store, layout.codes);
    const index = new MihIndex(store, layout);
    index.calibration = calibration;
    return index;
  });
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
