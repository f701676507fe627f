/**
 * RaBitQ: a random rotation, then 1 to 8 bits per component, with an unbiased estimate of distances and a bound.
 *
 * Gao, Long (SIGMOD 2024) for one bit; Gao et al. (2024) for more. The kernels' rabitq.ts has the method, the layout and
 * where it deviates. Nothing is learned but the mean of the vectors, so that a small sample does.
 * Cost: encoding d log d for the rotation, and 13 d for the range when there is more than one bit.
 */
import type { KernelModule } from "../../runtime/kernels.js";
import { checkTraining, type TrainOptions, wholeField } from "../contract.js";
import { drawSigns, learnCentre } from "../learn.js";
import { VectorCodec } from "../vector-codec.js";

export interface RaBitQOptions extends TrainOptions {
  /** Bits per component, 1..8. 1 wants a refine on the floats; 4, 5 and 7 find 90, 95 and 99 % without. Default 1. */
  bits?: number;
}

/** Learns from vectors that lie one after the other. BAD_REQUEST names a field that is out of range. */
export function trainRaBitQ(
  module: KernelModule,
  vectors: Float32Array,
  options: RaBitQOptions,
): VectorCodec {
  const { dimensions, metric, seed, epsilon } = checkTraining(vectors, options);
  const bits = wholeField("bits", options.bits ?? 1, 1, 8);
  const codec = new VectorCodec(module, {
    name: "rabitq",
    body: "planes",
    metric,
    dimensions,
    padded: Math.ceil(dimensions / 16) * 16,
    bits,
    parts: 0,
    turn: "random",
    range: 0,
    epsilon,
  });
  learnCentre(codec, vectors);
  drawSigns(codec, seed);
  return codec;
}
