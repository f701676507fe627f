/**
 * Builds or extends a graph of any family: lays out memory, decides who is withheld and in which order nodes come, and
 * lets the steps run on a worker, or in slices on the calling thread where memory is not shared.
 */
import { assert } from "../../runtime/assert.js";
import { seededRandom } from "../../runtime/random.js";
import { type BuildMemory, building } from "../build-memory.js";
import type { BuildOptions, Calibration } from "../contract.js";
import { runSteps, runsOnWorker, type Steps } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import { DEFAULT_SEED, measureWork, withhold } from "../withheld.js";
import { type GraphJob, MEASURED_POOL } from "./build-steps.js";
import { newCrew } from "./crew.js";
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
import { Helpers } from "./hire.js";

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
  own(layout: GraphLayout, bodyCount: number, memory: BuildMemory, extended: boolean): M;
  steps: Steps<GraphJob<M>, Calibration | undefined>;
  /** Name of the task that runs the steps on a worker. */
  task: string;
  /** Name of the task that helps with them; absent where nothing is shared. */
  helper?: string;
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
  withheld: Uint32Array;
  /** The graph that is extended, if one is. */
  old: GraphIndex | undefined;
}

export function buildGraph<M>(
  store: VectorStore,
  recipe: GraphRecipe<M>,
  options: BuildOptions,
): Promise<GraphIndex> {
  return building(store, options, async (memory) => {
    const { arena } = store;
    const { layout, order, withheld, levels, entries, old } = planGraph(store, recipe, options, memory);
    if (levels) arena.u8.set(levels, layout.levels);
    placeUpperBlocks(arena, layout);
    arena.u32.set(entries, layout.entries >>> 2);
    const poolLength = Math.max(recipe.poolLength, withheld.length > 0 ? MEASURED_POOL : 0);
    let start = { entry: NO_NODE, top: -1 };
    if (options.previous && old) {
      if (recipe.upperSlots === 0) clearLinks(store, layout, layout);
      start = await extendGraph(old, options.previous.oldToNew, store, layout);
    }
    if (entries.length > 0) start = { entry: entries[0], top: 0 };
    const bodyCount = order.length - withheld.length;
    const job: GraphJob<M> = {
      kind: recipe.kind,
      layout,
      slot: memory.scratch(allocateSlot(store, layout, poolLength)),
      poolLength,
      ef: recipe.ef,
      seed: options.seed ?? DEFAULT_SEED,
      ...start,
      order: memory.take(order.length * 4),
      bodyCount,
      withheldCount: withheld.length,
      measure: measureWork(store, memory, withheld, options),
      reached: memory.take(Math.max(Math.ceil(layout.count / 8), layout.dimensions * 12)),
      stack: memory.take(layout.count * 4),
      extended: old !== undefined,
      crew: newCrew(store.shared),
      own: recipe.own(layout, bodyCount, memory, old !== undefined),
    };
    arena.u32.set(order, job.order >>> 2);
    const calibration = await runShared(store, recipe, job, options, memory);
    const index = new GraphIndex(store, recipe.kind, layout);
    // A graph that grew by too little to be measured keeps what was measured before.
    index.calibration = calibration ?? old?.calibration;
    return index;
  });
}

/** Runs the steps, with helpers where they run on a worker and others are idle. */
async function runShared<M>(
  store: VectorStore,
  recipe: GraphRecipe<M>,
  job: GraphJob<M>,
  options: BuildOptions,
  memory: BuildMemory,
): Promise<Calibration | undefined> {
  const { helper, steps, task, poolLength } = recipe;
  if (!helper || !runsOnWorker(store)) return runSteps(store, steps, task, job, options);
  const slot = () => memory.scratch(allocateSlot(store, job.layout, poolLength));
  const helpers = new Helpers(store, helper, job.crew, () => ({ ...job, slot: slot(), poolLength }));
  // A report says that the coordinator has its thread: helpers never take it from it.
  const progress = (done: number, total: number) => {
    helpers.hire();
    options.progress?.(done, total);
  };
  try {
    return await runSteps(store, steps, task, job, { ...options, progress });
  } finally {
    await helpers.leave();
  }
}

function planGraph<M>(
  store: VectorStore,
  recipe: GraphRecipe<M>,
  options: BuildOptions,
  memory: BuildMemory,
): Plan {
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
  const withheld = withhold(store, options, fresh);
  const absent = new Set(withheld);
  const body = fresh.filter((node) => !absent.has(node));
  const entries = new Set(previous && old && upperSlots === 0 ? keptEntries(old, previous.oldToNew) : []);
  if (upperSlots === 0) drawEntries(entries, body, recipe.entryCount, seed);
  const layout = allocateGraph(store, { ...shape, upperBlocks, entryCount: entries.size });
  return {
    layout: memory.keep(layout),
    levels,
    entries: [...entries],
    order: Uint32Array.from([...body, ...withheld]),
    withheld,
    old,
  };
}

/** Fills up with a random choice of the nodes in the body. */
function drawEntries(entries: Set<number>, body: number[], wanted: number, seed: number): void {
  const random = seededRandom(seed ^ 0x2c1b3c6d);
  const most = Math.min(wanted, entries.size + body.length);
  // Few are wanted of many, or all of few: drawing with repetition ends soon either way.
  while (entries.size < most) entries.add(body[Math.floor(random() * body.length)]);
}
