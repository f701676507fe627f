/**
 * Builds or extends a graph of any family: lays out memory, decides who is withheld and in which order nodes come, and
 * lets the steps run on a worker, or in slices on the calling thread where memory is not shared.
 */
import { assert } from "../../runtime/assert.js";
import { throwIfCancelled } from "../../runtime/cancel.js";
import { seededRandom } from "../../runtime/random.js";
import type { BuildOptions, Calibration } from "../contract.js";
import { searchManyBytes } from "../flat/index.js";
import { runSteps, type Steps } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import type { GraphJob } from "./build-steps.js";
import type { Encoding } from "./encoding.js";
import { extendable, extendGraph, keptEntries } from "./extend.js";
import { GraphIndex, type GraphKind } from "./graph-index.js";
import {
  allocateGraph,
  allocateSlot,
  clearLinks,
  type GraphLayout,
  NO_NODE,
  placeUpperBlocks,
} from "./graph-memory.js";
import { LEAST_MEASURED, MEASURED_POOL, TRUTH_LENGTH, WITHHELD, WITHHELD_SHARE } from "./measure.js";

const DEFAULT_SEED = 42;

/** Takes a region of the store's memory until the build is over. */
export type Take = (bytes: number) => number;

/** What a family's build is made of. */
export interface GraphRecipe<M> {
  kind: GraphKind;
  encoding: Encoding;
  slots: number;
  /** 0 for a flat graph. */
  upperSlots: number;
  /** Nodes at which walks through a flat graph start. */
  entryCount: number;
  /** Beam with which nodes are inserted and attached. */
  ef: number;
  /** Longest array of nodes that a walk keeps while building. */
  poolLength: number;
  /** The highest layer of each node of a layered graph. */
  levels?(count: number, seed: number): Uint8Array;
  /** Regions and numbers that the family's steps need. `extended`: only nodes are added. */
  own(layout: GraphLayout, bodyCount: number, take: Take, extended: boolean): M;
  steps: Steps<GraphJob<M>, Calibration | undefined>;
  /** Name of the task that runs the steps on a worker. */
  task: string;
  /** Whether a graph may grow out of an older one by insertion. */
  extends: boolean;
}

/** What was found out before memory is taken. */
interface Plan {
  layout: GraphLayout;
  levels: Uint8Array | undefined;
  entries: number[];
  /** Ordinals in the order of insertion, the withheld last. */
  order: Uint32Array;
  withheldCount: number;
  /** The graph that is extended, if one is. */
  old: GraphIndex | undefined;
}

export async function buildGraph<M>(
  store: VectorStore,
  recipe: GraphRecipe<M>,
  options: BuildOptions,
): Promise<GraphIndex> {
  throwIfCancelled(options.signal);
  const regions: number[] = [];
  const { arena } = store;
  const take = (bytes: number) => {
    const region = arena.allocate(bytes);
    regions.push(region);
    return region;
  };
  const plan = planGraph(store, recipe, options);
  const { layout, order, withheldCount, old } = plan;
  let done = false;
  try {
    if (plan.levels) arena.u8.set(plan.levels, layout.levels);
    placeUpperBlocks(arena, layout);
    arena.u32.set(plan.entries, layout.entries >>> 2);
    const poolLength = Math.max(recipe.poolLength, withheldCount > 0 ? MEASURED_POOL : 0);
    const slot = allocateSlot(store, layout, poolLength);
    regions.push(slot);
    let start = { entry: NO_NODE, top: -1 };
    if (options.previous && old) {
      if (recipe.upperSlots === 0) clearLinks(store, layout, layout);
      start = await extendGraph(old, options.previous.oldToNew, store, layout);
    }
    if (plan.entries.length > 0) start = { entry: plan.entries[0], top: 0 };
    const bodyCount = order.length - withheldCount;
    const job: GraphJob<M> = {
      kind: recipe.kind,
      layout,
      slot,
      poolLength,
      ef: recipe.ef,
      seed: options.seed ?? DEFAULT_SEED,
      ...start,
      order: take(order.length * 4),
      bodyCount,
      withheldCount,
      reached: take(Math.max(Math.ceil(layout.count / 8), layout.dimensions * 12)),
      stack: take(layout.count * 4),
      extended: old !== undefined,
      measure: undefined,
      own: recipe.own(layout, bodyCount, take, old !== undefined),
    };
    if (withheldCount > 0) {
      const truth = take(searchManyBytes(layout.dimensions, withheldCount, TRUTH_LENGTH));
      job.measure = { truth, queries: withheldCount, seed: job.seed };
    }
    arena.u32.set(order, job.order >>> 2);
    const calibration = await runSteps(store, recipe.steps, recipe.task, job, options);
    const index = new GraphIndex(store, recipe.kind, layout);
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

function planGraph<M>(store: VectorStore, recipe: GraphRecipe<M>, options: BuildOptions): Plan {
  const { count, dimensions, metric } = store;
  const seed = options.seed ?? DEFAULT_SEED;
  const { encoding, slots, upperSlots } = recipe;
  const levels = recipe.levels?.(count, seed);
  const { previous } = options;
  const copied = new Uint8Array(count);
  const shape = { dimensions, metric, count, slots, upperSlots, encoding };
  const old =
    previous && recipe.extends
      ? extendable(previous.index, recipe.kind, shape, previous.oldToNew)
      : undefined;
  if (previous && old) {
    previous.oldToNew.forEach((node, before) => {
      if (node < 0) return;
      assert(node < count && copied[node] === 0, "old ordinals map to different new ones");
      copied[node] = 1;
      if (levels) levels[node] = old.store.arena.u8[old.layout.levels + before];
    });
  }
  let upperBlocks = 0;
  for (const level of levels ?? []) upperBlocks += level;
  const fresh: number[] = [];
  for (let node = 0; node < count; node++) if (!copied[node]) fresh.push(node);
  const withheld = options.calibrate === false ? new Set<number>() : withhold(fresh, count, seed);
  const order = Uint32Array.from([
    ...fresh.filter((node) => !withheld.has(node)),
    ...fresh.filter((node) => withheld.has(node)),
  ]);
  const entries = new Set(previous && old && upperSlots === 0 ? keptEntries(old, previous.oldToNew) : []);
  if (upperSlots === 0)
    drawEntries(entries, order.subarray(0, order.length - withheld.size), recipe.entryCount, seed);
  return {
    layout: allocateGraph(store, { ...shape, upperBlocks, entryCount: entries.size }),
    levels,
    entries: [...entries],
    order,
    withheldCount: withheld.size,
    old,
  };
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

/** Fills up with a random choice of the nodes in the body. */
function drawEntries(entries: Set<number>, body: Uint32Array, wanted: number, seed: number): void {
  const random = seededRandom(seed ^ 0x2c1b3c6d);
  const most = Math.min(wanted, entries.size + body.length);
  // Few are wanted of many, or all of few: drawing with repetition ends soon either way.
  while (entries.size < most) entries.add(body[Math.floor(random() * body.length)]);
}
