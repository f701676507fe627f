/**
 * SQ8 and SQ4: a random rotation, then every component as a whole number of 8 or 4 bits.
 *
 * Idea: after a rotation all components are alike, so that one range fits them all (locally-adaptive quantization:
 * Aguerrebere et al., "Similarity search in the blink of an eye with compressed indices", 2023, with a range per
 * vector; the rotation is RaBitQ's). Deviations: the range is symmetric about the mean of the vectors, so that a code
 * needs no offset; distances are estimated as RaBitQ does, without bias and with a bound.
 * `range: "uniform"` takes one range for all vectors, learned as a quantile of the components' size: codes are then
 * comparable with each other, but vectors far from the mean are clipped.
 * Cost: encoding d log d; an estimate is one integer dot product.
 */
import type { KernelModule } from "../../runtime/kernels.js";
import { badField, checkTraining, type TrainOptions } from "../contract.js";
import { drawSigns, learnCentre, takeSample, turnSample } from "../learn.js";
import { VectorCodec } from "../vector-codec.js";

export interface ScalarOptions extends TrainOptions {
  /** 8 or 4. Default 8. */
  bits?: 8 | 4;
  /** Default "vector": each vector its own. */
  range?: "vector" | "uniform";
  /** Default true; false keeps the components as they are. */
  rotate?: boolean;
}

/** Share of components that a uniform range covers: with 4 bits a finer step is worth more clipping. */
const COVERED = { 8: 0.9995, 4: 0.99 } as const;
const SAMPLE = 4096;

/** Learns from vectors that lie one after the other. BAD_REQUEST names a field that is out of range. */
export function trainScalar(
  module: KernelModule,
  vectors: Float32Array,
  options: ScalarOptions,
): VectorCodec {
  const { dimensions, metric, seed, epsilon } = checkTraining(vectors, options);
  const { bits = 8, range = "vector", rotate = true } = options;
  if (bits !== 8 && bits !== 4) throw badField("bits", "8 or 4", bits);
  if (range !== "vector" && range !== "uniform") throw badField("range", "vector or uniform", range);
  const codec = new VectorCodec(module, {
    name: `sq${bits}`,
    body: bits === 8 ? "byte" : "nibble",
    metric,
    dimensions,
    padded: Math.ceil(dimensions / 32) * 32,
    bits,
    parts: 0,
    turn: rotate ? "random" : "none",
    range: 0,
    epsilon,
  });
  learnCentre(codec, vectors);
  if (rotate) drawSigns(codec, seed);
  if (range === "uniform") {
    codec.shape.range = coveringRange(codec, vectors, COVERED[bits], seed);
    codec.open();
  }
  return codec;
}

/** The size that a share of all components stays below. */
function coveringRange(codec: VectorCodec, vectors: Float32Array, share: number, seed: number): number {
  const sample = takeSample(codec, vectors, SAMPLE, seed);
  turnSample(codec, sample);
  const start = sample.residuals >>> 2;
  const sizes = codec.arena.f32
    .slice(start, start + sample.count * codec.shape.padded)
    .map(Math.abs)
    .sort();
  sample.release();
  // All vectors alike: any range will do.
  return sizes[Math.floor((sizes.length - 1) * share)] || 1;
}
