/** Builds tables: chooses the functions from a sample, lays out memory, and lets the steps run. */
import { building } from "../build-memory.js";
import type { BuildOptions } from "../contract.js";
import { largestNorm } from "../norms.js";
import { runSteps } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import { DEFAULT_SEED, measureWork, withhold } from "../withheld.js";
import { type LshJob, lshSteps } from "./build-steps.js";
import { choose, sampleDistances } from "./choose.js";
import { BUCKET_SIZE, hashFor, LEAST_HASHED, type LshParameters, MOST_FUNCTIONS } from "./defaults.js";
import { LshIndex } from "./lsh-index.js";
import {
  allocateTables,
  allocateWork,
  answerBytes,
  drawFunctions,
  openTables,
  paddedFor,
  type TableShape,
} from "./table-memory.js";

export function buildTables(
  store: VectorStore,
  parameters: LshParameters,
  options: BuildOptions,
): Promise<LshIndex> {
  return building(store, options, async (memory) => {
    const seed = options.seed ?? DEFAULT_SEED;
    const shape = await shapeFor(store, parameters, seed, options);
    const layout = memory.keep(allocateTables(store, shape));
    drawFunctions(store, layout, seed);
    openTables(store, layout);
    if (layout.tables === 0) return new LshIndex(store, layout, 0);
    const job: LshJob = {
      layout,
      work: memory.scratch(allocateWork(store, layout)),
      answerBytes: answerBytes(store),
      fingerprints: memory.take(store.count * 4),
      measure: measureWork(store, memory, withhold(store, options), options),
    };
    const { buckets, calibration } = await runSteps(store, lshSteps, "lsh-build", job, options);
    const index = new LshIndex(store, layout, buckets);
    index.calibration = calibration;
    return index;
  });
}

async function shapeFor(
  store: VectorStore,
  parameters: LshParameters,
  seed: number,
  options: BuildOptions,
): Promise<TableShape> {
  const { count, dimensions, metric } = store;
  const hash = hashFor(parameters, metric);
  const shape = { dimensions, count, hash, tables: 0, functions: 0, width: 1, largest: 0, lastAxes: 0 };
  if (count < LEAST_HASHED) return shape;
  const largest = metric === "Dot" ? largestNorm(store) : 0;
  const { tables } = parameters;
  if (hash === "cross-polytope")
    return { ...shape, tables, largest, ...polytopes(parameters, count, dimensions) };
  const sample = await sampleDistances(store, hash, largest, seed, options);
  return { ...shape, tables, largest, ...choose(sample, count, hash, metric, parameters) };
}

/**
 * So many polytopes, the last cut to so many axes, that BUCKET_SIZE vectors share a bucket if all are used alike; the
 * theorem's constant is not known well enough to do better. On words-100k four times as many buckets are worse (recall
 * 0.885 at 1,300 queries/s, this 0.929 at 1,150), a quarter as many much the same.
 */
function polytopes(
  parameters: LshParameters,
  count: number,
  dimensions: number,
): { functions: number; lastAxes: number } {
  const axes = paddedFor(dimensions);
  const { functions: given } = parameters;
  if (given !== "auto") return { functions: given, lastAxes: axes };
  const buckets = count / BUCKET_SIZE;
  let functions = 1;
  while (functions < MOST_FUNCTIONS["cross-polytope"] && (2 * axes) ** functions < buckets) functions++;
  const rest = buckets / (2 * axes) ** (functions - 1);
  return { functions, lastAxes: Math.min(axes, Math.max(1, Math.ceil(rest / 2))) };
}
