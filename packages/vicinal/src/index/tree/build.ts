/**
 * Builds a tree: over all vectors but the withheld, measured with these, which are then put in. Growing, encoding and
 * measuring run on a worker, or in slices on the calling thread where memory is not shared.
 */
import { throwIfCancelled, yieldToOthers } from "../../runtime/cancel.js";
import { canRunTasks, runTask } from "../../runtime/pool.js";
import { seededRandom } from "../../runtime/random.js";
import type { BuildOptions, Calibration } from "../contract.js";
import { searchManyBytes } from "../flat/index.js";
import type { VectorStore } from "../vector-store.js";
import { type TreeTask, type TreeTaskResult, taskSteps } from "./build-task.js";
import { insertIntoTree } from "./insert.js";
import { TRUTH_LENGTH } from "./measure.js";
import { layOutWork } from "./split.js";
import { allocateTreeSlot, TreeIndex, type TreeKind } from "./tree-index.js";
import {
  allocateTree,
  type BuiltTree,
  NODE_WORDS,
  openTree,
  putTree,
  type TreeLayout,
} from "./tree-memory.js";

const DEFAULT_SEED = 42;
/** As for every calibrated family: queries withheld at most, their share, and the least store that is measured. */
const WITHHELD = 1000;
const WITHHELD_SHARE = 0.04;
const LEAST_MEASURED = 2500;
/** On the calling thread: milliseconds of work between two breaths. */
const SLICE_MS = 8;
/** A build smaller than this (vectors x dimensions) is over before a worker has started. */
const INLINE_NUMBERS = 100_000;

export async function buildTree(
  store: VectorStore,
  kind: TreeKind,
  options: BuildOptions,
): Promise<TreeIndex> {
  throwIfCancelled(options.signal);
  const { arena, count } = store;
  const seed = options.seed ?? DEFAULT_SEED;
  const { body, withheld } = withhold(count, options.calibrate === false ? 0 : WITHHELD, seed);
  const built = await grow(store, kind, body, seed, options);
  const layout = allocateTree(store, kind.encoding, built.nodes.length / NODE_WORDS, count);
  try {
    putTree(store, layout, built);
    openTree(store, layout);
    options.progress?.(body.length, count);
    throwIfCancelled(options.signal);
    await encode(store, layout, body.length, options);
    let calibration: Calibration | undefined;
    if (withheld.length > 0) {
      calibration = await measure(store, kind, layout, withheld, seed, options);
      insertIntoTree(store, layout, withheld);
      await encode(store, layout, count, options);
    }
    const index = new TreeIndex(store, kind, layout);
    index.calibration = calibration;
    options.progress?.(count, count);
    return index;
  } catch (error) {
    arena.release(layout.region);
    throw error;
  }
}

async function grow(
  store: VectorStore,
  kind: TreeKind,
  body: Uint32Array,
  seed: number,
  options: BuildOptions,
): Promise<BuiltTree> {
  const { arena } = store;
  const region = arena.allocate(layOutWork(store, kind.rule, body.length, 0).bytes);
  try {
    const work = layOutWork(store, kind.rule, body.length, region);
    arena.u32.set(body, work.list >>> 2);
    const job = { rule: kind.rule, work, count: body.length, seed };
    return (await runSteps(store, { kind: "build", job }, options)) as BuiltTree;
  } finally {
    arena.release(region);
  }
}

async function encode(
  store: VectorStore,
  layout: TreeLayout,
  present: number,
  options: BuildOptions,
): Promise<void> {
  if (layout.codeBytes === 0) return;
  const sums = store.arena.allocate(store.dimensions * 8);
  try {
    await runSteps(store, { kind: "encode", job: { layout, present, sums } }, options);
  } finally {
    store.arena.release(sums);
  }
}

async function measure(
  store: VectorStore,
  kind: TreeKind,
  layout: TreeLayout,
  withheld: Uint32Array,
  seed: number,
  options: BuildOptions,
): Promise<Calibration> {
  const { arena } = store;
  const regions: number[] = [];
  const take = (region: number) => {
    regions.push(region);
    return region;
  };
  try {
    const truth = take(arena.allocate(searchManyBytes(store.dimensions, withheld.length, TRUTH_LENGTH)));
    const tree = { kind, layout, slot: take(allocateTreeSlot(store, layout)) };
    const job = { tree, withheld, present: layout.count - withheld.length, truth, seed };
    return (await runSteps(store, { kind: "measure", job }, options)) as Calibration;
  } finally {
    for (const region of regions) arena.release(region);
  }
}

/** A random choice of rising ordinals that are withheld, and all others. */
function withhold(count: number, most: number, seed: number): { body: Uint32Array; withheld: Uint32Array } {
  const wanted = count < LEAST_MEASURED ? 0 : Math.min(most, Math.floor(count * WITHHELD_SHARE));
  const random = seededRandom(seed ^ 0x5bd1e995);
  const chosen = new Set<number>();
  while (chosen.size < wanted) chosen.add(Math.floor(random() * count));
  const body = new Uint32Array(count - wanted);
  let at = 0;
  for (let ordinal = 0; ordinal < count; ordinal++) if (!chosen.has(ordinal)) body[at++] = ordinal;
  return { body, withheld: Uint32Array.from(chosen).sort() };
}

async function runSteps(store: VectorStore, task: TreeTask, options: BuildOptions): Promise<TreeTaskResult> {
  const total = store.count;
  const { progress, signal } = options;
  if (store.shared && canRunTasks() && total * store.dimensions > INLINE_NUMBERS) {
    const handle = store.lend();
    try {
      const input = { store: handle, task, total };
      return await runTask(new URL("./build-task.js", import.meta.url).href, input, { progress, signal });
    } finally {
      store.takeBack(handle);
    }
  }
  const steps = taskSteps(store, task);
  let since = performance.now();
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() - since < SLICE_MS) continue;
    progress?.(step.value, total);
    await yieldToOthers();
    throwIfCancelled(signal);
    since = performance.now();
  }
}
