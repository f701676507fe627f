/** Builds a quantized graph: lays out memory, draws entries and the withheld, and lets the steps run. */
import { trainingRows } from "../../codec/kmeans.js";
import { throwIfCancelled } from "../../runtime/cancel.js";
import { seededRandom } from "../../runtime/random.js";
import type { BuildOptions } from "../contract.js";
import { searchManyBytes } from "../flat/index.js";
import { LEAST_MEASURED, TRUTH_LENGTH, WITHHELD, WITHHELD_SHARE } from "../masked-measure.js";
import { largestNorm } from "../norms.js";
import { runSteps } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import { type QuantizedGraphJob, quantizedGraphSteps } from "./build-steps.js";
import {
  bitsFor,
  entriesFor,
  LEAST_CODED_DIMENSIONS,
  type QuantizedGraphParameters,
  quantizedGraphServes,
} from "./defaults.js";
import {
  allocateBuild,
  allocateGraph,
  allocateSlot,
  BLOCK,
  drawSigns,
  type GraphLayout,
  openGraph,
} from "./graph-memory.js";
import { poolLengthFor, QuantizedGraphIndex } from "./quantized-graph-index.js";

const DEFAULT_SEED = 42;

export async function buildQuantizedGraph(
  store: VectorStore,
  parameters: QuantizedGraphParameters,
  options: BuildOptions,
): Promise<QuantizedGraphIndex> {
  quantizedGraphServes(store.metric);
  throwIfCancelled(options.signal);
  const { arena, count, dimensions, metric } = store;
  const seed = options.seed ?? DEFAULT_SEED;
  const bits = bitsFor(parameters, dimensions, metric);
  const { order, withheldCount } = orderFor(count, options.calibrate === false ? 0 : seed);
  const bodyCount = count - withheldCount;
  const drawn = trainingRows(bodyCount, entriesFor(bodyCount), seededRandom(seed ^ 0x27d4eb2f));
  const entries = drawn.map((place) => order[place]);
  const regions: number[] = [];
  const take = (bytes: number) => {
    const region = arena.allocate(bytes);
    regions.push(region);
    return region;
  };
  let layout: GraphLayout | undefined;
  let done = false;
  try {
    const coded = dimensions >= LEAST_CODED_DIMENSIONS;
    const rootBlocks = Math.ceil(entries.length / BLOCK);
    const shape = { dimensions, metric, count, bits, degree: parameters.degree, coded, rootBlocks };
    layout = allocateGraph(store, shape);
    layout.sphere = metric === "Dot" ? Math.fround(Math.sqrt(largestNorm(store))) : 0;
    drawSigns(store, layout, seed);
    const build = allocateBuild(store, layout);
    regions.push(build.region);
    openGraph(store, layout, build);
    const poolLength = Math.max(parameters.efConstruct, poolLengthFor(withheldCount > 0 ? count : 0));
    const slot = allocateSlot(store, layout, poolLength);
    regions.push(slot);
    const job: QuantizedGraphJob = {
      layout,
      build,
      parameters,
      slot,
      poolLength,
      entries: take(entries.length * 4),
      entryCount: entries.length,
      order: take(count * 4),
      bodyCount,
      withheldCount,
      measure: undefined,
    };
    arena.u32.set(entries, job.entries >>> 2);
    arena.u32.set(order, job.order >>> 2);
    if (withheldCount > 0) {
      const truth = take(searchManyBytes(dimensions, withheldCount, TRUTH_LENGTH));
      job.measure = { list: job.order + bodyCount * 4, truth, queries: withheldCount, seed };
    }
    const module = new URL("./build-steps.js", import.meta.url).href;
    const calibration = await runSteps(store, quantizedGraphSteps, module, job, options);
    openGraph(store, layout);
    const index = new QuantizedGraphIndex(store, layout, parameters);
    index.calibration = calibration;
    options.progress?.(count, count);
    done = true;
    return index;
  } finally {
    for (const region of regions) arena.release(region);
    if (!done && layout) arena.release(layout.region);
  }
}

/** All ordinals in the order of linking, those withheld last; `seed` 0 withholds none. */
function orderFor(count: number, seed: number): { order: Uint32Array; withheldCount: number } {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  if (seed === 0 || count < LEAST_MEASURED) return { order, withheldCount: 0 };
  const wanted = Math.min(WITHHELD, Math.floor(count * WITHHELD_SHARE));
  const withheld = trainingRows(count, wanted, seededRandom(seed ^ 0x5bd1e995));
  const apart = new Set(withheld);
  let at = 0;
  for (let i = 0; i < count; i++) if (!apart.has(i)) order[at++] = i;
  order.set(withheld, at);
  return { order, withheldCount: withheld.length };
}
