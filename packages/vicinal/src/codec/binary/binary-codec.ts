/**
 * Binary codes of float vectors: bit j says on which side of plane j a vector lies.
 *
 * Method: Charikar 2002 (random hyperplanes); the number of bits that differ estimates the angle seen from where the planes
 * meet. They meet in the mean, so that the bits are balanced (for the inner product in the origin, with a tail that
 * makes all stored vectors equally long: Neyshabur, Srebro 2015). In few dimensions an angle says little: there each
 * plane goes through a stored vector of its own, and the number of planes between two vectors grows with their distance.
 * Parameters: bits (more bits, surer order). Cost: bits x dimensions multiplications per vector; bits / 8 bytes.
 */
import type { Kernels } from "../../runtime/kernels.js";
import type { Arena } from "../../runtime/memory.js";
import { seededRandom } from "../../runtime/random.js";

/** Below so many dimensions planes go through stored vectors. */
const FEW_DIMENSIONS = 32;
/** Rows that the mean is taken of. */
const MEAN_ROWS = 2000;

/** Rows of floats in an arena. */
export interface FloatRows {
  arena: Arena;
  kernels: Kernels;
  rows: number;
  dimensions: number;
  count: number;
}

/** Where a codec's planes lie; can be posted. */
export interface BinaryCodec {
  bits: number;
  /** Bytes of a code: a multiple of 8. */
  stride: number;
  /** bits x (dimensions + 1) f32. */
  planes: number;
  /** f32, room for a multiple of 4. */
  thresholds: number;
  /** The largest squared norm where a tail is added; else 0. */
  largest: number;
}

export function binaryStride(bits: number): number {
  return Math.ceil(bits / 64) * 8;
}

export function planeBytes(bits: number, dimensions: number): number {
  return bits * (dimensions + 1) * 4;
}

export function thresholdBytes(bits: number): number {
  return Math.ceil(bits / 4) * 16;
}

/** Draws planes and puts them where the data lies. `centred`: false for the inner product. */
export function trainBinary(source: FloatRows, codec: BinaryCodec, centred: boolean, seed: number): void {
  const { arena, dimensions, rows, count } = source;
  const random = seededRandom(seed);
  const { f32 } = arena;
  const planes = codec.planes >>> 2;
  const width = dimensions + 1;
  for (let i = 0; i < codec.bits * width; i++)
    f32[planes + i] = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const row = (ordinal: number) =>
    f32.subarray((rows >>> 2) + ordinal * dimensions, (rows >>> 2) + (ordinal + 1) * dimensions);
  const mean = new Float64Array(dimensions);
  const step = Math.max(1, Math.floor(count / MEAN_ROWS));
  const taken = Math.ceil(count / step);
  for (let i = 0; i < count; i += step) {
    const vector = row(i);
    for (let j = 0; j < dimensions; j++) mean[j] += vector[j] / taken;
  }
  const apart = dimensions < FEW_DIMENSIONS && count > 0;
  for (let bit = 0; bit < codec.bits; bit++) {
    const through = apart ? row(Math.floor(random() * count)) : mean;
    let threshold = 0;
    for (let j = 0; j < dimensions; j++) threshold += f32[planes + bit * width + j] * through[j];
    f32[(codec.thresholds >>> 2) + bit] = centred ? threshold : 0;
  }
}

/** Codes of the rows from..to-1, `stride` bytes each, at their places from `codes` on. */
export function encodeBinary(
  source: FloatRows,
  codec: BinaryCodec,
  range: { from: number; to: number },
  codes: number,
): void {
  const { bits, stride, planes, thresholds, largest } = codec;
  source.kernels.binaryEncode(
    source.rows,
    source.dimensions,
    range.from,
    range.to,
    planes,
    thresholds,
    bits,
    largest,
    codes,
    stride,
  );
}
