/**
 * Builds or extends a graph: lays out memory, decides levels and order, and lets the steps run on a worker, or in
 * slices on the calling thread where memory is not shared.
 */
import { assert } from "../../runtime/assert.js";
import { throwIfCancelled, yieldToOthers } from "../../runtime/cancel.js";
import { canRunTasks, runTask } from "../../runtime/pool.js";
import { seededRandom, seededWords } from "../../runtime/random.js";
import type { BuildOptions, Calibration } from "../contract.js";
import { searchManyBytes } from "../flat/index.js";
import type { VectorStore } from "../vector-store.js";
import { type BuildJob, buildSteps } from "./build-steps.js";
import type { BuildInput } from "./build-task.js";
import { type Encoding, type HnswParameters, LEAST_CODED_DIMENSIONS } from "./defaults.js";
import { extendable, extendGraph } from "./extend.js";
import { allocateGraph, allocateSlot, type GraphLayout, NO_NODE, placeUpperBlocks } from "./graph-memory.js";
import { HnswIndex } from "./hnsw-index.js";
import { LEAST_MEASURED, MEASURED_POOL, TRUTH_LENGTH, WITHHELD, WITHHELD_SHARE } from "./measure.js";

const DEFAULT_SEED = 42;
/** No node rises higher: a graph of m = 2 over 2^31 nodes would not. */
const HIGHEST_LEVEL = 31;
/** On the calling thread: milliseconds of work between two breaths. */
const SLICE_MS = 8;
/** A build smaller than this (vectors x dimensions) is over before a worker has started. */
const INLINE_NUMBERS = 100_000;

/** What was found out before memory is taken. */
interface Plan {
  layout: GraphLayout;
  levels: Uint8Array;
  /** Ordinals in the order of insertion, the withheld last. */
  order: Uint32Array;
  withheldCount: number;
  /** The graph that is extended, if one is. */
  old: HnswIndex | undefined;
}

export async function buildGraph(
  store: VectorStore,
  parameters: HnswParameters,
  options: BuildOptions,
): Promise<HnswIndex> {
  throwIfCancelled(options.signal);
  const regions: number[] = [];
  const { arena } = store;
  const take = (bytes: number) => {
    const region = arena.allocate(bytes);
    regions.push(region);
    return region;
  };
  const plan = planGraph(store, parameters, options);
  const { layout, order, withheldCount, old } = plan;
  let done = false;
  try {
    arena.u8.set(plan.levels, layout.levels);
    placeUpperBlocks(arena, layout);
    const poolLength = Math.max(
      parameters.efConstruct,
      withheldCount > 0 ? MEASURED_POOL : parameters.efConstruct,
    );
    const slot = allocateSlot(store, layout, poolLength);
    regions.push(slot);
    const start =
      options.previous && old
        ? await extendGraph(old, options.previous.oldToNew, store, layout)
        : { entry: NO_NODE, top: -1 };
    const job: BuildJob = {
      layout,
      parameters,
      slot,
      poolLength,
      ...start,
      order: take(order.length * 4),
      bodyCount: order.length - withheldCount,
      withheldCount,
      reached: take(Math.max(Math.ceil(layout.count / 8), layout.dimensions * 8)),
      stack: take(layout.count * 4),
      extended: old !== undefined,
      measure: undefined,
    };
    if (withheldCount > 0) {
      const truth = take(searchManyBytes(layout.dimensions, withheldCount, TRUTH_LENGTH));
      job.measure = { truth, queries: withheldCount, seed: options.seed ?? DEFAULT_SEED };
    }
    arena.u32.set(order, job.order >>> 2);
    const calibration = await runSteps(store, job, options);
    const index = new HnswIndex(store, layout, parameters);
    // A graph that grew by too little to be measured keeps what was measured before.
    index.calibration = calibration ?? old?.calibration;
    options.progress?.(layout.count, layout.count);
    done = true;
    return index;
  } finally {
    for (const region of regions) arena.release(region);
    if (!done) arena.release(layout.region);
  }
}

function planGraph(store: VectorStore, parameters: HnswParameters, options: BuildOptions): Plan {
  const { count, dimensions, metric } = store;
  const seed = options.seed ?? DEFAULT_SEED;
  const encoding = encodingOf(store, parameters);
  const levels = drawLevels(count, parameters.m, seed);
  const { previous } = options;
  const copied = new Uint8Array(count);
  const shape = { dimensions, metric, count, m: parameters.m, encoding };
  const old = previous && extendable(previous.index, shape, previous.oldToNew);
  if (previous && old) {
    const { u8 } = old.store.arena;
    previous.oldToNew.forEach((node, before) => {
      if (node < 0) return;
      assert(node < count && copied[node] === 0, "old ordinals map to different new ones");
      copied[node] = 1;
      levels[node] = u8[old.layout.levels + before];
    });
  }
  let upperBlocks = 0;
  for (const level of levels) upperBlocks += level;
  const fresh: number[] = [];
  for (let node = 0; node < count; node++) if (!copied[node]) fresh.push(node);
  const withheld = options.calibrate === false ? new Set<number>() : withhold(fresh, count, seed);
  const order = new Uint32Array(fresh.length);
  let at = 0;
  for (const node of fresh) if (!withheld.has(node)) order[at++] = node;
  for (const node of fresh) if (withheld.has(node)) order[at++] = node;
  return {
    layout: allocateGraph(store, { ...shape, upperBlocks }),
    levels,
    order,
    withheldCount: withheld.size,
    old,
  };
}

function encodingOf(store: VectorStore, parameters: HnswParameters): Encoding {
  if (store.metric === "Manhattan") return "float32";
  if (parameters.encoding !== "auto") return parameters.encoding;
  return store.dimensions < LEAST_CODED_DIMENSIONS ? "float32" : "int8";
}

/** A node reaches level l with probability m^-l; drawn with whole numbers, so that every platform draws the same. */
function drawLevels(count: number, m: number, seed: number): Uint8Array {
  const next = seededWords(seed);
  const threshold = 2 ** 32 / m;
  const levels = new Uint8Array(count);
  for (let node = 0; node < count; node++)
    while (levels[node] < HIGHEST_LEVEL && next() < threshold) levels[node]++;
  return levels;
}

/** A random choice of the nodes to insert, to be the queries of the measurement. */
function withhold(fresh: number[], count: number, seed: number): Set<number> {
  const chosen = new Set<number>();
  const wanted = Math.min(WITHHELD, Math.floor(count * WITHHELD_SHARE), fresh.length);
  if (count < LEAST_MEASURED || wanted < LEAST_MEASURED * WITHHELD_SHARE) return chosen;
  const random = seededRandom(seed ^ 0x5bd1e995);
  while (chosen.size < wanted) chosen.add(fresh[Math.floor(random() * fresh.length)]);
  return chosen;
}

async function runSteps(
  store: VectorStore,
  job: BuildJob,
  options: BuildOptions,
): Promise<Calibration | undefined> {
  const { layout } = job;
  const total = layout.count;
  const before = total - job.bodyCount - job.withheldCount;
  const progress = options.progress && ((inserted: number) => options.progress?.(before + inserted, total));
  if (store.shared && canRunTasks() && total * layout.dimensions > INLINE_NUMBERS) {
    const handle = store.lend();
    try {
      const input: BuildInput = { store: handle, job, total };
      return await runTask("hnsw-build", input, {
        progress,
        signal: options.signal,
      });
    } finally {
      store.takeBack(handle);
    }
  }
  const steps = buildSteps(store, job);
  let since = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() - since < SLICE_MS) continue;
    progress?.(step.value);
    await yieldToOthers();
    throwIfCancelled(options.signal);
    since = performance.now();
  }
}
