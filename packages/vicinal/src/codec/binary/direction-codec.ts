/**
 * DirectionCodec: one bit per random hyperplane, as a codec: what is kept of a vector is its direction.
 *
 * Method: Charikar, "Similarity estimation techniques from rounding algorithms" (2002). Two vectors differ in a bit with
 * probability angle / pi, so that the share of bits that differ, times pi, is an unbiased estimate of the angle. Distances
 * are 1 - cosine of that estimate; they serve Cosine alone. The bound covers `epsilon` standard deviations of
 * the share. Decoding gives the sum of the planes' normals, each on the side that its bit says, at length 1: it
 * approaches the direction as bits are added.
 * Parameters: bits (default 256; the angle's standard deviation is at most pi / (2 sqrt(bits)): 5.6 degrees at 256).
 * Cost: bits x dimensions multiplications per vector or query, an estimate one count of bits and a look-up.
 */
import type { KernelModule } from "../../runtime/kernels.js";
import { BatchCodec } from "../batch-codec.js";
import {
  badField,
  type CodecMetric,
  DEFAULT_EPSILON,
  DEFAULT_SEED,
  damagedCodec,
  type SavedCodec,
  wholeField,
} from "../contract.js";
import { type BinaryCodec, binaryStride, planeBytes, thresholdBytes, trainBinary } from "./binary-codec.js";

export interface DirectionOptions {
  dimensions: number;
  metric?: CodecMetric;
  /** Bits of a code, 8..4096. Default 256. */
  bits?: number;
  seed?: number;
  epsilon?: number;
}

/** Version of the saved form; planes are drawn again from the seed. */
const DIRECTION_FORMAT = 1;

export class DirectionCodec extends BatchCodec {
  readonly name = "binary";
  readonly metric = "Cosine";
  readonly bits: number;
  readonly #seed: number;
  readonly #epsilon: number;
  readonly #planes: BinaryCodec;
  readonly #query: number;
  /** Distances and bounds by the number of bits that differ. */
  readonly #table: number;
  readonly #bounds: number;

  /** BAD_REQUEST names a field that is out of range. */
  constructor(module: KernelModule, options: DirectionOptions) {
    const { metric = "Cosine", seed = DEFAULT_SEED, epsilon = DEFAULT_EPSILON } = options;
    const dimensions = wholeField("dimensions", options.dimensions, 1, 65536);
    const bits = wholeField("bits", options.bits ?? 256, 8, 4096);
    if (metric !== "Cosine") throw badField("metric", "Cosine", metric);
    if (!(typeof epsilon === "number" && epsilon >= 0 && epsilon <= 10))
      throw badField("epsilon", "0 to 10", epsilon);
    super(module, dimensions, binaryStride(bits));
    this.bits = bits;
    this.#seed = seed;
    this.#epsilon = epsilon;
    const { arena, kernels } = this;
    this.#planes = {
      bits,
      stride: binaryStride(bits),
      planes: arena.allocate(planeBytes(bits, dimensions)),
      thresholds: arena.allocate(thresholdBytes(bits)),
      largest: 0,
    };
    this.#query = arena.allocate(binaryStride(bits));
    this.#table = arena.allocate((bits + 1) * 4);
    this.#bounds = arena.allocate((bits + 1) * 4);
    // Planes through the origin, whatever is encoded.
    trainBinary({ arena, kernels, rows: 0, dimensions, count: 0 }, this.#planes, false, seed);
    this.#fillTables();
  }

  encodeAt(rows: number, count: number, codes: number): void {
    const { bits, stride, planes, thresholds } = this.#planes;
    this.kernels.binaryEncode(rows, this.dimensions, 0, count, planes, thresholds, bits, 0, codes, stride);
  }

  decodeAt(codes: number, count: number, rows: number): void {
    const { dimensions, bits, bytesPerVector } = this;
    const { u8, f32 } = this.arena;
    const planes = this.#planes.planes >>> 2;
    const sum = new Float64Array(dimensions);
    for (let i = 0; i < count; i++) {
      sum.fill(0);
      for (let bit = 0; bit < bits; bit++) {
        const side = (u8[codes + i * bytesPerVector + (bit >>> 3)] >>> (bit & 7)) & 1 ? 1 : -1;
        const plane = planes + bit * (dimensions + 1);
        for (let j = 0; j < dimensions; j++) sum[j] += side * f32[plane + j];
      }
      const length = Math.hypot(...sum) || 1;
      for (let j = 0; j < dimensions; j++) f32[(rows >>> 2) + i * dimensions + j] = sum[j] / length;
    }
  }

  askAt(query: number): void {
    this.encodeAt(query, 1, this.#query);
  }

  scoreAt(codes: number, count: number, distances: number, bounds: number): void {
    const { kernels, bytesPerVector } = this;
    kernels.binaryScores(this.#query, codes, bytesPerVector, count, this.#table, distances);
    kernels.binaryScores(this.#query, codes, bytesPerVector, count, this.#bounds, bounds);
  }

  save(): SavedCodec {
    const { dimensions, bits } = this;
    const meta = { format: DIRECTION_FORMAT, dimensions, bits, seed: this.#seed, epsilon: this.#epsilon };
    return { codec: this.name, meta, sections: [] };
  }

  #fillTables(): void {
    const { bits } = this;
    const { f32 } = this.arena;
    for (let differing = 0; differing <= bits; differing++) {
      const angle = (Math.PI * differing) / bits;
      // One bit of either kind more, so that a share of 0 or 1 is not held to be certain.
      const share = (differing + 1) / (bits + 2);
      const spread = this.#epsilon * Math.PI * Math.sqrt((share * (1 - share)) / bits);
      const low = Math.cos(Math.max(0, angle - spread));
      const high = Math.cos(Math.min(Math.PI, angle + spread));
      f32[(this.#table >>> 2) + differing] = 1 - Math.cos(angle);
      f32[(this.#bounds >>> 2) + differing] = Math.max(low - Math.cos(angle), Math.cos(angle) - high);
    }
  }
}

/** Reads back what `save` gave; CORRUPTION when it is not understood. */
export function loadDirectionCodec(module: KernelModule, { meta }: SavedCodec): DirectionCodec {
  if (meta.format !== DIRECTION_FORMAT) throw damagedCodec(`format is ${String(meta.format)}`);
  const { dimensions, bits, seed, epsilon } = meta as Record<string, number>;
  if (!Number.isInteger(seed)) throw damagedCodec(`seed is ${String(seed)}`);
  try {
    return new DirectionCodec(module, { dimensions, bits, seed, epsilon });
  } catch (error) {
    throw damagedCodec((error as Error).message);
  }
}
