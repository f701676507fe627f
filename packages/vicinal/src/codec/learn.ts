/** What codecs learn in the same way: a centre, the signs of a random rotation, a sample in the codec's own memory. */
import { seededRandom, seededWords } from "../runtime/random.js";
import { trainingRows } from "./kmeans.js";
import { ROTATION_ROUNDS, type VectorCodec } from "./vector-codec.js";

/** The mean of all vectors becomes the centre. */
export function learnCentre(codec: VectorCodec, vectors: Float32Array): void {
  const { dimensions } = codec;
  const count = vectors.length / dimensions;
  const sums = new Float64Array(dimensions);
  for (let i = 0; i < vectors.length; i += dimensions)
    for (let j = 0; j < dimensions; j++) sums[j] += vectors[i + j];
  codec.arena.f32.set(
    sums.map((sum) => sum / count),
    codec.at.centre >>> 2,
  );
}

/** Signs of the random rotation: a word of 0 or the sign bit for each component and round. */
export function drawSigns(codec: VectorCodec, seed: number): void {
  const next = seededWords(seed);
  const start = codec.at.signs >>> 2;
  const { u32 } = codec.arena;
  for (let i = 0; i < ROTATION_ROUNDS * codec.shape.padded; i++) u32[start + i] = next() & 0x80000000;
}

export interface Sample {
  count: number;
  /** `count` x `dimensions` f32, and `count` x `padded` f32. */
  rows: number;
  residuals: number;
  release(): void;
}

/** Up to `limit` vectors, chosen by seed, with room for their residuals. */
export function takeSample(codec: VectorCodec, vectors: Float32Array, limit: number, seed: number): Sample {
  const { dimensions, arena } = codec;
  const chosen = trainingRows(vectors.length / dimensions, limit, seededRandom(seed));
  const count = chosen.length;
  const rows = arena.allocate(count * dimensions * 4);
  const residuals = arena.allocate(count * codec.shape.padded * 4);
  chosen.forEach((row, i) => {
    arena.f32.set(vectors.subarray(row * dimensions, (row + 1) * dimensions), (rows >>> 2) + i * dimensions);
  });
  return {
    count,
    rows,
    residuals,
    release() {
      arena.release(rows);
      arena.release(residuals);
    },
  };
}

/** The residuals of a sample, turned as the codec turns them. */
export function turnSample(codec: VectorCodec, sample: Sample): void {
  codec.kernels.codecResiduals(codec.at.head, sample.rows, sample.count, sample.residuals);
}
