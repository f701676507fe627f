/**
 * The second half of a build: codebooks, where the encoding has them, codes, and the measurement of recall.
 * Runs on a worker or in slices; all memory was laid out by the owner.
 */
import { seededRandom } from "../../runtime/random.js";
import type { Calibration } from "../contract.js";
import { geometricLadder, type MeasureOptions, measureRecall } from "../measure.js";
import type { VectorStore } from "../vector-store.js";
import type { MeasureWork } from "../withheld.js";
import { CODEBOOK_ROUNDS, CODEBOOK_ROWS, type IvfParameters, PART_WIDTH } from "./defaults.js";
import { IvfIndex } from "./ivf-index.js";
import { BLOCK, type ListLayout, openLists } from "./list-memory.js";

export interface EncodeJob {
  layout: ListLayout;
  parameters: IvfParameters;
  slot: number;
  seed: number;
  /** Product codes only: `codebookWorkBytes` bytes. */
  codebookWork: number;
  measure: MeasureWork | undefined;
}

/** Efforts are measured from so many vectors read per neighbour wanted. */
const LEAST_READ = 1.5;
/** Vectors encoded in one step, about: each costs a few microseconds. */
const STEP_VECTORS = 2048;

/** Residuals of a sample, and what the kernel sums in. */
export function codebookWorkBytes(layout: ListLayout): number {
  if (layout.encoding !== "pq4") return 0;
  return Math.min(layout.count, CODEBOOK_ROWS) * layout.padded * 4 + (PART_WIDTH + 2) * 64;
}

/** Yields the number of vectors encoded; returns what was measured. */
export function* encodeSteps(store: VectorStore, job: EncodeJob): Generator<number, Calibration | undefined> {
  const { layout, parameters, slot } = job;
  openLists(store, layout);
  if (layout.encoding === "pq4") yield* learnCodebooks(store, job);
  store.kernels.ivfEncodeCentroids(layout.head, slot, parameters.epsilon);
  const sizes = store.arena.u32.subarray(layout.sizes >>> 2, (layout.sizes >>> 2) + layout.lists);
  let done = 0;
  let waiting = 0;
  for (let list = 0, from = 0; list < layout.lists; list++) {
    waiting += sizes[list];
    if (waiting < STEP_VECTORS && list + 1 < layout.lists) continue;
    store.kernels.ivfEncode(layout.head, slot, from, list + 1, parameters.epsilon);
    from = list + 1;
    done += waiting;
    waiting = 0;
    yield done;
  }
  if (!job.measure) return undefined;
  const index = new IvfIndex(store, layout, parameters, slot);
  // The centroids are found without the withheld vectors, which are in the lists.
  const measuring: MeasureOptions = {
    masked: true,
    growing: false,
    // Lists are read on until they give k: an effort that is about that many says little.
    ladder: (k) => {
      const least = Math.ceil((LEAST_READ * k * layout.lists) / layout.count);
      return geometricLadder(layout.lists, Math.min(layout.lists, least));
    },
  };
  return yield* measureRecall(index, job.measure, measuring, layout.count);
}

/** Lloyd's algorithm for all parts at once, on the residuals of a sample. */
function* learnCodebooks(store: VectorStore, job: EncodeJob): Generator<number, void> {
  const { layout, codebookWork } = job;
  const { arena, kernels } = store;
  const { count, dimensions, padded, tables } = layout;
  const sampleCount = Math.min(count, CODEBOOK_ROWS);
  const random = seededRandom(job.seed ^ 0x2545f491);
  const { u32 } = arena;
  let taken = 0;
  let seen = 0;
  for (let list = 0; list < layout.lists; list++) {
    const first = u32[(layout.starts >>> 2) + list] * BLOCK;
    const size = u32[(layout.sizes >>> 2) + list];
    for (let i = 0; i < size; i++, seen++) {
      if (random() * (count - seen) >= sampleCount - taken) continue;
      const row = store.rows + u32[(layout.ids >>> 2) + first + i] * dimensions * 4;
      const target = codebookWork + taken * padded * 4;
      kernels.difference(row, layout.centroids + list * dimensions * 4, dimensions, padded, target);
      taken++;
    }
  }
  if (taken === 0) return;
  const sums = codebookWork + sampleCount * padded * 4;
  // Centroid e of every part starts as that part of a vector drawn from the sample.
  const { f32 } = arena;
  for (let e = 0; e < 16; e++) {
    const row = (codebookWork >>> 2) + Math.floor(random() * taken) * padded;
    for (let i = 0; i < padded; i++) f32[(layout.codebooks >>> 2) + i * 16 + e] = f32[row + i];
  }
  for (let round = 0; round < CODEBOOK_ROUNDS; round++) {
    kernels.codebookRound(codebookWork, taken, padded, tables, 16, layout.codebooks, sums, round);
    yield 0;
  }
}
