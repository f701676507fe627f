/**
 * Builds a tree in two phases: it grows over all vectors but the withheld; then it is encoded, measured with these, and
 * they are put in.
 */
import { building } from "../build-memory.js";
import type { BuildOptions, Calibration } from "../contract.js";
import { runSteps } from "../steps-runner.js";
import type { VectorStore } from "../vector-store.js";
import { DEFAULT_SEED, measureWork, withhold } from "../withheld.js";
import { type TreeTask, type TreeTaskResult, treeSteps } from "./build-task.js";
import { layOutWork } from "./split.js";
import { allocateTreeSlot, TreeIndex, type TreeKind } from "./tree-index.js";
import { allocateTree, type BuiltTree, NODE_WORDS, openTree, putTree } from "./tree-memory.js";

/** Share of the work that growing is, about. */
const GROW_SHARE = 0.6;

export function buildTree(store: VectorStore, kind: TreeKind, options: BuildOptions): Promise<TreeIndex> {
  return building(store, options, async (memory) => {
    const { arena, count, dimensions } = store;
    const run = (task: TreeTask, from: number, to: number): Promise<TreeTaskResult> =>
      runSteps(store, treeSteps, "tree-build", task, options, { from, to });

    const withheld = withhold(store, options);
    const body = allBut(count, withheld);
    const region = memory.take(layOutWork(store, kind.rule, body.length, 0).bytes);
    const work = layOutWork(store, kind.rule, body.length, region);
    arena.u32.set(body, work.list >>> 2);
    const seed = options.seed ?? DEFAULT_SEED;
    const job = { rule: kind.rule, work, count: body.length, seed };
    const grown = (await run({ phase: "grow", job }, 0, GROW_SHARE)) as BuiltTree;
    memory.releaseScratch();

    const layout = memory.keep(allocateTree(store, kind.encoding, grown.nodes.length / NODE_WORDS, count));
    putTree(store, layout, grown);
    openTree(store, layout);
    const slot = memory.scratch(allocateTreeSlot(store, layout));
    const finish = {
      tree: { kind, layout, slot },
      withheld,
      sums: memory.take(dimensions * 8),
      measure: measureWork(store, memory, withheld, options),
    };
    const measured = await run({ phase: "finish", job: finish }, GROW_SHARE, 1);
    const index = new TreeIndex(store, kind, layout);
    index.calibration = measured as Calibration | undefined;
    return index;
  });
}

/** All ordinals but these, which rise. */
function allBut(count: number, withheld: Uint32Array): Uint32Array {
  const rest = new Uint32Array(count - withheld.length);
  let taken = 0;
  for (let ordinal = 0; ordinal < count; ordinal++)
    if (ordinal === withheld[taken]) taken++;
    else rest[ordinal - taken] = ordinal;
  return rest;
}
