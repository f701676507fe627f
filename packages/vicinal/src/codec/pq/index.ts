/**
 * PQ: a vector in parts, each replaced by the nearest of 16 or 256 centroids.
 *
 * Jegou, Douze, Schmid, "Product quantization for nearest neighbor search" (2011). Parts have equal length; centroids
 * come from Lloyd's algorithm in each part's own space. A query makes one table of inner products per part, an estimate is
 * a sum of look-ups (asymmetric). Deviation: estimates are corrected for the length that quantizing takes away, as RaBitQ
 * does, and carry a bound; the bound assumes that errors have no preferred direction.
 * Cost: learning sample x 2^bits x d per round, encoding 2^bits x d, an estimate one look-up per part.
 */
import type { KernelModule } from "../../runtime/kernels.js";
import { seededRandom } from "../../runtime/random.js";
import { badField, checkTraining, type TrainOptions, wholeField } from "../contract.js";
import { learnCentre, type Sample, takeSample, turnSample } from "../learn.js";
import { type CodecShape, centroidsOf, VectorCodec } from "../vector-codec.js";

export interface ProductOptions extends TrainOptions {
  /** Number of parts, 1..dimensions. Default a part for every 2 dimensions with 4 bits, for every 4 with 8. */
  parts?: number;
  /** Bits per part, 4 or 8. Default 8. */
  bits?: 4 | 8;
  /** Rounds of Lloyd's algorithm, 1..100. Default 15. */
  iterations?: number;
}

/** Vectors per centroid of a part that learning looks at. */
const ROWS_PER_CENTROID = 64;
/** For 16 centroids this many rows cost nothing. */
const LEAST_ROWS = 4096;

/** Learns from vectors that lie one after the other. BAD_REQUEST names a field that is out of range. */
export function trainProduct(
  module: KernelModule,
  vectors: Float32Array,
  options: ProductOptions,
): VectorCodec {
  const shape = productShape("pq", vectors, options);
  const iterations = wholeField("iterations", options.iterations ?? 15, 1, 100);
  const codec = new VectorCodec(module, shape);
  learnCentre(codec, vectors);
  const sample = takeSample(codec, vectors, sampleRows(shape), options.seed ?? 0);
  turnSample(codec, sample);
  seedCodebooks(codec, sample, options.seed ?? 0);
  learnCodebooks(codec, sample, iterations);
  sample.release();
  return codec;
}

export const sampleRows = (shape: CodecShape) => Math.max(LEAST_ROWS, centroidsOf(shape) * ROWS_PER_CENTROID);

/** Checks options; parts get equal lengths that together are a multiple of 4. */
export function productShape(name: string, vectors: Float32Array, options: ProductOptions): CodecShape {
  const { dimensions, metric, epsilon } = checkTraining(vectors, options);
  const { bits = 8 } = options;
  if (bits !== 4 && bits !== 8) throw badField("bits", "4 or 8", bits);
  const usual = Math.ceil(dimensions / (bits === 4 ? 2 : 4));
  const parts = wholeField("parts", options.parts ?? usual, 1, dimensions);
  let width = Math.ceil(dimensions / parts);
  while ((width * parts) % 4 !== 0) width++;
  const body = bits === 4 ? "parts4" : "parts8";
  return {
    name,
    body,
    metric,
    dimensions,
    padded: width * parts,
    bits,
    parts,
    turn: "none",
    range: 0,
    epsilon,
  };
}

/** Centroid e of every part starts as that part of a vector drawn from the sample. */
export function seedCodebooks(codec: VectorCodec, sample: Sample, seed: number): void {
  const { padded } = codec.shape;
  const size = centroidsOf(codec.shape);
  const random = seededRandom(seed ^ 0x2545f491);
  const { f32 } = codec.arena;
  const codebooks = codec.at.codebooks >>> 2;
  for (let e = 0; e < size; e++) {
    const row = (sample.residuals >>> 2) + Math.floor(random() * sample.count) * padded;
    for (let i = 0; i < padded; i++) f32[codebooks + i * size + e] = f32[row + i];
  }
}

/** Rounds of Lloyd's algorithm in every part, on the residuals of a sample. */
export function learnCodebooks(codec: VectorCodec, sample: Sample, rounds: number): void {
  const { kernels, arena, at, shape } = codec;
  const { padded, parts } = shape;
  const size = centroidsOf(shape);
  const sums = arena.allocate(kernels.codebookSumBytes(padded / parts, size));
  for (let round = 0; round < rounds; round++)
    kernels.codebookRound(sample.residuals, sample.count, padded, parts, size, at.codebooks, sums, round);
  arena.release(sums);
}
