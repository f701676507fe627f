/**
 * Centroids of vectors that lie in ordinary memory: codec/kmeans.ts on a sample of them in a memory of the kernels, then all
 * vectors, block by block.
 *
 * The start decides where k-means comes to rest, so it is run from several, and the result with the least error is taken.
 */
import { kMeansBytes, kMeansSteps } from "../codec/kmeans.js";
import { instantiate, type KernelModule, type Kernels } from "../runtime/kernels.js";
import { Arena } from "../runtime/memory.js";
import type { Pace } from "./pace.js";
import type { Vectors } from "./types.js";

/** The seeds are good, so that two are enough. */
const STARTS = 2;
/** Floats of the block of vectors that is assigned at a time. */
const BLOCK_FLOATS = 1 << 20;

export interface Assignment {
  /** count: the nearest centroid of each vector. */
  labels: Int32Array;
  /** count: squared Euclidean distance to it; of Cosine and Dot between directions. */
  distances: Float32Array;
  /** k: vectors of each centroid. */
  sizes: Uint32Array;
}

/** A sample in a memory of the kernels, with room for so many centroids. To be closed. */
export class RowClusters {
  readonly #vectors: Vectors;
  readonly #sampled: number;
  readonly #blockRows: number;
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  readonly #rows: number;
  readonly #centroids: number;
  readonly #assignment: number;
  readonly #work: number;

  /** @param sample Numbers of the vectors to train on, at least one. */
  constructor(module: KernelModule, vectors: Vectors, sample: Uint32Array, kMax: number) {
    const { count, dimensions } = vectors;
    this.#vectors = vectors;
    this.#sampled = sample.length;
    this.#blockRows = Math.min(count, Math.max(1, Math.floor(BLOCK_FLOATS / dimensions)));
    const rows = Math.max(this.#sampled, this.#blockRows);
    this.#arena = Arena.create(module, rows * dimensions * 4);
    this.#kernels = instantiate(module, this.#arena.memory);
    this.#rows = this.#arena.allocate(rows * dimensions * 4);
    this.#centroids = this.#arena.allocate(kMax * dimensions * 4);
    this.#assignment = this.#arena.allocate(rows * 4);
    this.#work = this.#arena.allocate(kMeansBytes(this.#kernels, rows, dimensions, kMax));
    for (let row = 0; row < sample.length; row++) this.#place(sample[row], row);
  }

  /** Clusters of Cosine and Dot are of directions. */
  get #spherical(): boolean {
    return this.#vectors.metric === "Cosine" || this.#vectors.metric === "Dot";
  }

  #place(vector: number, row: number): void {
    const { dimensions, data, metric } = this.#vectors;
    const { f32 } = this.#arena;
    const at = (this.#rows >>> 2) + row * dimensions;
    f32.set(data.subarray(vector * dimensions, (vector + 1) * dimensions), at);
    if (metric === "Dot") toUnit(f32, at, dimensions);
  }

  /** The k centroids (1..the size of the sample), one after the other. */
  async train(k: number, iterations: number, random: () => number, pace: Pace): Promise<Float32Array> {
    const { dimensions } = this.#vectors;
    let least = Number.POSITIVE_INFINITY;
    let best = new Float32Array(0);
    for (let start = 0; start < STARTS; start++) {
      const steps = kMeansSteps(this.#kernels, this.#arena, {
        rows: this.#rows,
        rowBytes: dimensions * 4,
        list: 0,
        count: this.#sampled,
        dimensions,
        k,
        iterations,
        spherical: this.#spherical,
        seed: Math.floor(random() * 2 ** 32),
        tries: 2 + Math.floor(Math.log(k)),
        centroids: this.#centroids,
        assignment: this.#assignment,
        work: this.#work,
      });
      let step = steps.next();
      for (; !step.done; step = steps.next())
        await pace.now((start + step.value / (iterations + 1)) / STARTS);
      if (step.value.error >= least) continue;
      least = step.value.error;
      best = this.#readCentroids(k);
    }
    return best;
  }

  /**
   * Moves the centroids to the means of all vectors that are nearest to them, and assigns all vectors to those means. Their
   * blocks take the place of the sample, so this comes last.
   */
  async finish(centroids: Float32Array, pace: Pace): Promise<Assignment> {
    const { dimensions } = this.#vectors;
    const k = centroids.length / dimensions;
    const sumBytes = k * dimensions * 8;
    const sums = this.#arena.allocate(sumBytes + k * 4);
    const counts = sums + sumBytes;
    this.#arena.u8.fill(0, sums, counts + k * 4);
    this.#arena.f32.set(centroids, this.#centroids >>> 2);
    const rowBytes = dimensions * 4;
    await this.#assign(k, pace, 0, (rows) => {
      this.#kernels.sumRows(this.#rows, rowBytes, 0, 0, rows, dimensions, this.#assignment, sums, counts);
    });
    this.#kernels.moveCentroids(sums, counts, k, dimensions, this.#centroids, this.#spherical ? 1 : 0);
    centroids.set(this.#readCentroids(k));
    return this.#assign(k, pace, 0.5, () => {});
  }

  #readCentroids(k: number): Float32Array<ArrayBuffer> {
    const from = this.#centroids >>> 2;
    return new Float32Array(this.#arena.f32.slice(from, from + k * this.#vectors.dimensions));
  }

  /** All vectors; `each` block is in the memory when it is called. */
  async #assign(k: number, pace: Pace, done: number, each: (rows: number) => void): Promise<Assignment> {
    const { count, dimensions } = this.#vectors;
    const labels = new Int32Array(count);
    const distances = new Float32Array(count);
    const sizes = new Uint32Array(k);
    const near = this.#work;
    const scratch = near + Math.ceil((this.#blockRows * 4) / 64) * 64;
    for (let from = 0; from < count; from += this.#blockRows) {
      const rows = Math.min(this.#blockRows, count - from);
      for (let row = 0; row < rows; row++) this.#place(from + row, row);
      const [table, target] = [this.#rows, this.#assignment];
      const { assignRows } = this.#kernels;
      assignRows(table, dimensions * 4, 0, 0, rows, dimensions, this.#centroids, k, target, near, scratch);
      labels.set(this.#arena.i32.subarray(target >>> 2, (target >>> 2) + rows), from);
      distances.set(this.#arena.f32.subarray(near >>> 2, (near >>> 2) + rows), from);
      for (let i = from; i < from + rows; i++) sizes[labels[i]]++;
      each(rows);
      await pace.now(done + ((from + rows) / count) * 0.5);
    }
    return { labels, distances, sizes };
  }

  close(): void {
    this.#arena.close();
  }
}

/** Brings numbers to length 1; zeros stay. */
function toUnit(numbers: Float32Array, at: number, dimensions: number): void {
  let sum = 0;
  for (let j = at; j < at + dimensions; j++) sum += numbers[j] * numbers[j];
  if (sum === 0) return;
  const factor = 1 / Math.sqrt(sum);
  for (let j = at; j < at + dimensions; j++) numbers[j] *= factor;
}
