/**
 * OPQ: PQ after a learned rotation, which makes the parts independent and equally important.
 *
 * Ge, He, Ke, Sun, "Optimized product quantization for approximate nearest neighbor search" (CVPR 2013), the non-parametric
 * form: codebooks and rotation are improved in turns. With the codes fixed, the best rotation is the orthogonal factor
 * of sum y x^T (Procrustes); with the rotation fixed, Lloyd's algorithm goes on. It starts without a rotation, that
 * is with PQ, and every turn can only lessen the error on the sample.
 * Deviation: the orthogonal factor comes from Newton's iteration (polar.ts) instead of a singular value decomposition.
 * Cost: each turn sample x d^2 and some 10 d^3; above 1,024 dimensions it is refused: take `sq` or `rabitq`.
 */
import type { KernelModule } from "../../runtime/kernels.js";
import { wholeField } from "../contract.js";
import { learnCentre, type Sample, takeSample, turnSample } from "../learn.js";
import { learnCodebooks, type ProductOptions, productShape, sampleRows, seedCodebooks } from "../pq/index.js";
import { centroidsOf, VectorCodec } from "../vector-codec.js";
import { orthogonalFactor } from "./polar.js";

export interface OptimizedProductOptions extends ProductOptions {
  /** Turns of rotation and codebooks, 1..100. Default 8. */
  turns?: number;
}

const LARGEST_DIMENSIONS = 1024;
/** Rounds of Lloyd's algorithm between two rotations. */
const ROUNDS_PER_TURN = 2;

/** Learns from vectors that lie one after the other. BAD_REQUEST names a field that is out of range. */
export function trainOptimizedProduct(
  module: KernelModule,
  vectors: Float32Array,
  options: OptimizedProductOptions,
): VectorCodec {
  wholeField("dimensions", options.dimensions, 1, LARGEST_DIMENSIONS);
  const shape = { ...productShape("opq", vectors, options), turn: "learned" as const };
  const iterations = wholeField("iterations", options.iterations ?? 15, 1, 100);
  const turns = wholeField("turns", options.turns ?? 8, 1, 100);
  const codec = new VectorCodec(module, shape);
  learnCentre(codec, vectors);
  const { padded } = shape;
  const matrix = codec.at.matrix >>> 2;
  codec.arena.f32.fill(0, matrix, matrix + padded * padded);
  for (let i = 0; i < padded; i++) codec.arena.f32[matrix + i * padded + i] = 1;
  const sample = takeSample(codec, vectors, sampleRows(shape), options.seed ?? 0);
  turnSample(codec, sample);
  const plain = codec.arena.f32.slice(
    sample.residuals >>> 2,
    (sample.residuals >>> 2) + sample.count * padded,
  );
  seedCodebooks(codec, sample, options.seed ?? 0);
  learnCodebooks(codec, sample, iterations);
  for (let turn = 0; turn < turns; turn++) {
    rotate(codec, sample, plain);
    turnSample(codec, sample);
    learnCodebooks(codec, sample, ROUNDS_PER_TURN);
  }
  sample.release();
  return codec;
}

/** Replaces the rotation by the best one for the codes that the sample has. `plain`: the residuals, not turned. */
function rotate(codec: VectorCodec, sample: Sample, plain: Float32Array): void {
  const { kernels, arena, at, shape } = codec;
  const { padded, parts } = shape;
  const scratch = arena.allocate(parts + 128);
  kernels.codebookSnap(
    sample.residuals,
    sample.count,
    padded,
    parts,
    centroidsOf(shape),
    at.codebooks,
    scratch,
  );
  arena.release(scratch);
  const coded = arena.f32.subarray(sample.residuals >>> 2);
  const product = new Float64Array(padded * padded);
  for (let n = 0; n < sample.count * padded; n += padded) {
    for (let i = 0; i < padded; i++) {
      const y = coded[n + i];
      const row = i * padded;
      for (let j = 0; j < padded; j++) product[row + j] += y * plain[n + j];
    }
  }
  arena.f32.set(orthogonalFactor(product, padded), at.matrix >>> 2);
}
