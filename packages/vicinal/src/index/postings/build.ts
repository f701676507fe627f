/**
 * Builds clustered postings in memory: finds heads, links them, chooses postings for every vector, writes the postings.
 * Memory while it runs, beside the floats: the postings, and some bytes per vector.
 */
import { type BuildMemory, building } from "../build-memory.js";
import type { BuildOptions, Calibration } from "../contract.js";
import { largestNorm } from "../norms.js";
import { runSteps } from "../steps-runner.js";
import { VectorStore } from "../vector-store.js";
import { DEFAULT_SEED, measureWork, withhold } from "../withheld.js";
import { boundPostings } from "./assign-steps.js";
import { type PostingsTask, postingsSteps } from "./build-task.js";
import { encodingOf, type PostingsParameters } from "./defaults.js";
import { Heads, type HeadsHandle } from "./heads.js";
import { allocateLayout, allocateSlot, LEAST_POOL, releaseLayout } from "./posting-memory.js";
import { PostingsIndex } from "./postings-index.js";
import { BRANCHING, type TrainJob, trainBytes } from "./train-steps.js";

/** Shares of the work that are done when a phase ends, about. */
const TRAINED = 0.25;
const ASSIGNED = 0.6;

export function buildPostings(
  store: VectorStore,
  parameters: PostingsParameters,
  options: BuildOptions,
): Promise<PostingsIndex> {
  return building(store, options, async (memory) => {
    const { count, dimensions, metric, arena } = store;
    const { replicas } = parameters;
    const encoding = encodingOf(parameters, metric, dimensions);
    const withheld = withhold(store, options);
    const run = <T>(task: PostingsTask, from: number, to: number): Promise<T> =>
      runSteps(store, postingsSteps, "postings-build", task, options, { from, to }) as Promise<T>;

    const training = layOutTraining(store, parameters, { withheld, memory, options });
    const found = await run<Float32Array>({ phase: "train", job: training }, 0, TRAINED);
    const own = arena.u32.slice(training.clusters >>> 2, (training.clusters >>> 2) + count);
    const mean = arena.u8.slice(training.mean, training.mean + dimensions * 4);
    memory.releaseScratch();

    const heads = await linkHeads(store, found, own, options);
    memory.onFailure(() => heads.close());
    const lent = lendHeads(store, heads);
    try {
      const chosen = memory.take(count * replicas * 4);
      await run({ phase: "assign", job: { heads: lent, parameters, chosen } }, TRAINED, ASSIGNED);
      const choices = arena.u32.slice(chosen >>> 2, (chosen >>> 2) + count * replicas);
      const sizes = boundPostings(choices, own, heads.count, parameters);
      arena.u32.set(choices, chosen >>> 2);

      const layout = allocateLayout(heads.store, { count, dimensions, metric, encoding, sizes });
      memory.onFailure(() => releaseLayout(heads.store, layout));
      // Inner products with differences from the mean would be in another order.
      if (metric === "Dot") mean.fill(0);
      arena.u8.set(mean, layout.mean);
      const postings = arena.allocate(layout.starts[heads.count]);
      memory.onFailure(() => arena.release(postings));
      const slot = allocateSlot(heads.store, layout, LEAST_POOL);
      memory.onFailure(() => arena.release(slot.at));
      const measure = measureWork(store, memory, withheld, options);
      const job = { heads: lent, layout, parameters, slot, postings, chosen, measure };
      const measured = await run<Calibration | undefined>({ phase: "encode", job }, ASSIGNED, 1);
      const index = new PostingsIndex(store, { heads, layout, postings }, parameters, slot);
      index.calibration = measured;
      return index;
    } finally {
      if (!(lent instanceof Heads)) heads.takeBack(lent);
    }
  });
}

function layOutTraining(
  store: VectorStore,
  { postingSize }: PostingsParameters,
  { withheld, memory, options }: { withheld: Uint32Array; memory: BuildMemory; options: BuildOptions },
): TrainJob {
  const { count, dimensions, arena, kernels } = store;
  const list = memory.take(count * 4);
  const apart = new Set(withheld);
  let listed = 0;
  for (let i = 0; i < count; i++) if (!apart.has(i)) arena.u32[(list >>> 2) + listed++] = i;
  return {
    list,
    listed,
    size: postingSize,
    seed: options.seed ?? DEFAULT_SEED,
    work: memory.take(trainBytes(kernels, count, dimensions)),
    assignment: memory.take(count * 4),
    centroids: memory.take(BRANCHING * dimensions * 4),
    clusters: memory.take(count * 4),
    sums: memory.take(dimensions * 8),
    mean: memory.take(dimensions * 4),
  };
}

/** Heads in a store of their own, with a graph over them. */
async function linkHeads(
  store: VectorStore,
  found: Float32Array,
  clusters: Uint32Array,
  options: BuildOptions,
): Promise<Heads> {
  const { dimensions, metric } = store;
  const lifted = metric === "Dot";
  const heads = VectorStore.within(store, {
    dimensions: dimensions + (lifted ? 1 : 0),
    metric: metric === "Manhattan" ? "Manhattan" : "Euclid",
    capacity: found.length / dimensions,
  });
  try {
    const largest = lifted ? largestNorm(store) : 0;
    heads.appendBatch(lifted ? liftHeads(store, found, clusters, largest) : found);
    return await Heads.build(heads, largest, { ...options, progress: undefined });
  } catch (error) {
    heads.close();
    throw error;
  }
}

/** For the inner product each head gets the mean of its members' last components; see heads.ts. */
function liftHeads(
  store: VectorStore,
  found: Float32Array,
  clusters: Uint32Array,
  largest: number,
): Float32Array {
  const { count, dimensions } = store;
  const heads = found.length / dimensions;
  const tails = new Float64Array(heads);
  const members = new Uint32Array(heads);
  for (let i = 0; i < count; i++) {
    const cluster = clusters[i];
    if (cluster >= heads) continue;
    let norm = 0;
    for (const x of store.view(i)) norm += x * x;
    tails[cluster] += Math.sqrt(Math.max(0, largest - norm));
    members[cluster]++;
  }
  const lifted = new Float32Array(heads * (dimensions + 1));
  for (let head = 0; head < heads; head++) {
    const at = head * (dimensions + 1);
    lifted.set(found.subarray(head * dimensions, (head + 1) * dimensions), at);
    lifted[at + dimensions] = tails[head] / Math.max(1, members[head]);
  }
  return lifted;
}

/** What the steps search with: on another thread they need a scratch of their own. */
function lendHeads(store: VectorStore, heads: Heads): Heads | HeadsHandle {
  return store.shared ? heads.lend() : heads;
}
