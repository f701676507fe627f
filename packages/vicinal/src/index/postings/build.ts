/**
 * Builds clustered postings in memory: finds heads, links them, chooses postings for every vector, writes the postings.
 * Memory while it runs, beside the floats: the postings, and some bytes per vector.
 */
import { trainingRows } from "../../codec/kmeans.js";
import { throwIfCancelled } from "../../runtime/cancel.js";
import { seededRandom } from "../../runtime/random.js";
import type { BuildOptions, Calibration } from "../contract.js";
import { searchManyBytes } from "../flat/index.js";
import { LEAST_MEASURED, TRUTH_LENGTH, WITHHELD, WITHHELD_SHARE } from "../masked-measure.js";
import { largestNorm } from "../norms.js";
import { runSteps } from "../steps-runner.js";
import { VectorStore } from "../vector-store.js";
import { boundPostings } from "./assign-steps.js";
import { type Phase, phaseSteps } from "./build-task.js";
import { encodingOf, type PostingsParameters } from "./defaults.js";
import { Heads, type HeadsHandle } from "./heads.js";
import {
  allocateLayout,
  allocateSlot,
  LEAST_POOL,
  type PostingLayout,
  releaseLayout,
} from "./posting-memory.js";
import { PostingsIndex } from "./postings-index.js";
import { BRANCHING, trainBytes } from "./train-steps.js";

const DEFAULT_SEED = 42;
/** Shares of the work that are done when a part ends, about. */
const TRAINED = 0.25;
const ASSIGNED = 0.6;

export async function buildPostings(
  store: VectorStore,
  parameters: PostingsParameters,
  options: BuildOptions,
): Promise<PostingsIndex> {
  throwIfCancelled(options.signal);
  const build = new Build(store, parameters, options);
  try {
    return await build.run();
  } catch (error) {
    build.abandon();
    throw error;
  } finally {
    build.tidy();
  }
}

class Build {
  readonly #store: VectorStore;
  readonly #parameters: PostingsParameters;
  readonly #options: BuildOptions;
  readonly #seed: number;
  /** Regions that only the build needs. */
  readonly #regions: number[] = [];
  #heads: Heads | undefined;
  #lent: HeadsHandle | undefined;
  #layout: PostingLayout | undefined;
  #slot: number | undefined;
  #postings: number | undefined;

  constructor(store: VectorStore, parameters: PostingsParameters, options: BuildOptions) {
    this.#store = store;
    this.#parameters = parameters;
    this.#options = options;
    this.#seed = options.seed ?? DEFAULT_SEED;
  }

  async run(): Promise<PostingsIndex> {
    const store = this.#store;
    const { count, dimensions, metric, arena } = store;
    const parameters = this.#parameters;
    const encoding = encodingOf(parameters, metric, dimensions);
    const withheld = this.#withhold();
    const clusters = this.#take(count * 4);
    const mean = this.#take(dimensions * 4);
    const found = await this.#train(withheld, clusters, mean);
    const heads = await this.#link(found, clusters);

    const lent = this.#lend(heads);
    const chosen = this.#take(count * parameters.replicas * 4);
    await this.#phase({ kind: "assign", job: { heads: lent, parameters, chosen } }, TRAINED, ASSIGNED);
    const choices = arena.u32.slice(chosen >>> 2, (chosen >>> 2) + count * parameters.replicas);
    const own = arena.u32.slice(clusters >>> 2, (clusters >>> 2) + count);
    const sizes = boundPostings(choices, own, heads.count, parameters);
    arena.u32.set(choices, chosen >>> 2);

    const layout = allocateLayout(heads.store, { count, dimensions, metric, encoding, sizes });
    this.#layout = layout;
    arena.u8.copyWithin(layout.mean, mean, mean + dimensions * 4);
    const postings = arena.allocate(layout.starts[heads.count]);
    this.#postings = postings;
    const slot = allocateSlot(heads.store, layout, LEAST_POOL);
    this.#slot = slot.at;
    const measure = this.#measure(withheld);
    const job = { heads: lent, layout, parameters, slot, postings, chosen, measure };
    const calibration = await this.#phase({ kind: "encode", job }, ASSIGNED, 1);
    const index = new PostingsIndex(store, { heads, layout, postings }, parameters, slot);
    index.calibration = calibration as Calibration | undefined;
    this.#options.progress?.(count, count);
    return index;
  }

  #take(bytes: number): number {
    const region = this.#store.arena.allocate(bytes);
    this.#regions.push(region);
    return region;
  }

  /** Vectors to be the queries of the measurement; the heads are found without them. */
  #withhold(): Uint32Array {
    const { count } = this.#store;
    if (this.#options.calibrate === false || count < LEAST_MEASURED) return new Uint32Array(0);
    const wanted = Math.min(WITHHELD, Math.floor(count * WITHHELD_SHARE));
    return trainingRows(count, wanted, seededRandom(this.#seed ^ 0x5bd1e995));
  }

  async #train(withheld: Uint32Array, clusters: number, mean: number): Promise<Float32Array> {
    const { count, dimensions, arena, kernels } = this.#store;
    const list = this.#take(count * 4);
    const apart = new Set(withheld);
    let listed = 0;
    for (let i = 0; i < count; i++) if (!apart.has(i)) arena.u32[(list >>> 2) + listed++] = i;
    const job = {
      list,
      listed,
      size: this.#parameters.postingSize,
      seed: this.#seed,
      work: this.#take(trainBytes(kernels, count, dimensions)),
      assignment: this.#take(count * 4),
      centroids: this.#take(BRANCHING * dimensions * 4),
      clusters,
      sums: this.#take(dimensions * 8),
      mean,
    };
    return (await this.#phase({ kind: "train", job }, 0, TRAINED)) as Float32Array;
  }

  /** A store of heads with a graph over them; for the inner product each with the mean of its members' last components. */
  async #link(found: Float32Array, clusters: number): Promise<Heads> {
    const store = this.#store;
    const { dimensions, metric } = store;
    const lifted = metric === "Dot";
    const count = found.length / dimensions;
    const heads = VectorStore.within(store, {
      dimensions: dimensions + (lifted ? 1 : 0),
      metric: metric === "Manhattan" ? "Manhattan" : "Euclid",
      capacity: count,
    });
    try {
      const largest = lifted ? largestNorm(store) : 0;
      heads.appendBatch(lifted ? liftHeads(store, found, clusters, largest) : found);
      this.#heads = await Heads.build(heads, largest, { ...this.#options, progress: undefined });
      return this.#heads;
    } catch (error) {
      heads.close();
      throw error;
    }
  }

  #lend(heads: Heads): Heads | HeadsHandle {
    if (!this.#store.shared) return heads;
    this.#lent = heads.lend();
    return this.#lent;
  }

  #measure(withheld: Uint32Array) {
    if (withheld.length === 0) return undefined;
    const list = this.#take(withheld.length * 4);
    this.#store.arena.u32.set(withheld, list >>> 2);
    const truth = this.#take(searchManyBytes(this.#store.dimensions, withheld.length, TRUTH_LENGTH));
    return { list, truth, queries: withheld.length, seed: this.#seed };
  }

  #phase(phase: Phase, from: number, to: number): Promise<unknown> {
    const { progress } = this.#options;
    const module = new URL("./build-task.js", import.meta.url).href;
    return runSteps(this.#store, phaseSteps, module, phase, {
      ...this.#options,
      progress: (done, total) => progress?.(Math.floor(total * from + done * (to - from)), total),
    });
  }

  /** Gives back what only the build needed. */
  tidy(): void {
    if (this.#lent) this.#heads?.takeBack(this.#lent);
    this.#lent = undefined;
    for (const region of this.#regions.splice(0)) this.#store.arena.release(region);
  }

  /** Gives back what would have been the index. */
  abandon(): void {
    const { arena } = this.#store;
    if (this.#slot !== undefined) arena.release(this.#slot);
    if (this.#layout) releaseLayout(this.#store, this.#layout);
    if (this.#postings !== undefined) arena.release(this.#postings);
    this.tidy();
    this.#heads?.close();
  }
}

function liftHeads(store: VectorStore, found: Float32Array, clusters: number, largest: number): Float32Array {
  const { count, dimensions, arena } = store;
  const heads = found.length / dimensions;
  const tails = new Float64Array(heads);
  const members = new Uint32Array(heads);
  for (let i = 0; i < count; i++) {
    const cluster = arena.u32[(clusters >>> 2) + i];
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
