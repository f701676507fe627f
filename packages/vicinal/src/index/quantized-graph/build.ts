/** Builds a quantized graph: lays out memory, draws entries and the withheld, and lets the steps run. */
import { trainingRows } from "../../codec/kmeans.js";
import { seededRandom } from "../../runtime/random.js";
import { building } from "../build-memory.js";
import type { BuildOptions } from "../contract.js";
import { largestNorm } from "../norms.js";
import { runSteps } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import { DEFAULT_SEED, measureWork, withhold } from "../withheld.js";
import { type QuantizedGraphJob, quantizedGraphSteps } from "./build-steps.js";
import {
  bitsFor,
  entriesFor,
  LEAST_CODED_DIMENSIONS,
  type QuantizedGraphParameters,
  quantizedGraphServes,
} from "./defaults.js";
import { allocateBuild, allocateGraph, allocateSlot, BLOCK, drawSigns, openGraph } from "./graph-memory.js";
import { measuredPool, QuantizedGraphIndex } from "./quantized-graph-index.js";

export function buildQuantizedGraph(
  store: VectorStore,
  parameters: QuantizedGraphParameters,
  options: BuildOptions,
): Promise<QuantizedGraphIndex> {
  return building(store, options, async (memory) => {
    quantizedGraphServes(store.metric);
    const { arena, count, dimensions, metric } = store;
    const seed = options.seed ?? DEFAULT_SEED;
    const withheld = withhold(store, options);
    const order = withLast(count, withheld);
    const bodyCount = count - withheld.length;
    const drawn = trainingRows(bodyCount, entriesFor(bodyCount), seededRandom(seed ^ 0x27d4eb2f));
    const entries = drawn.map((place) => order[place]);

    const layout = memory.keep(
      allocateGraph(store, {
        ...{ dimensions, metric, count },
        bits: bitsFor(parameters, dimensions, metric),
        degree: parameters.degree,
        coded: dimensions >= LEAST_CODED_DIMENSIONS,
        rootBlocks: Math.ceil(entries.length / BLOCK),
      }),
    );
    layout.sphere = metric === "Dot" ? Math.fround(Math.sqrt(largestNorm(store))) : 0;
    drawSigns(store, layout, seed);
    const build = allocateBuild(store, layout);
    memory.scratch(build.region);
    openGraph(store, layout, build);
    const poolLength = Math.max(parameters.efConstruct, withheld.length > 0 ? measuredPool(count) : 0);
    const job: QuantizedGraphJob = {
      ...{ layout, build, parameters, poolLength, bodyCount },
      slot: memory.scratch(allocateSlot(store, layout, poolLength)),
      entries: memory.take(entries.length * 4),
      entryCount: entries.length,
      order: memory.take(count * 4),
      withheldCount: withheld.length,
      measure: measureWork(store, memory, withheld, options),
    };
    arena.u32.set(entries, job.entries >>> 2);
    arena.u32.set(order, job.order >>> 2);
    const calibration = await runSteps(store, quantizedGraphSteps, "quantized-graph-build", job, options);
    openGraph(store, layout);
    const index = new QuantizedGraphIndex(store, layout, parameters);
    index.calibration = calibration;
    return index;
  });
}

/** The numbers below `count`, rising, but some of them last. */
function withLast(count: number, last: Uint32Array): Uint32Array {
  const apart = new Set(last);
  const order = new Uint32Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) if (!apart.has(i)) order[at++] = i;
  order.set(last, at);
  return order;
}
