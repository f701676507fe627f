/**
 * Plain types: every component as one number, nothing else. Nothing is learned; distances are those of the decoded vectors
 * from the query's floats, exact but for the rounding of the sum, so that bounds are 0. They serve every metric.
 *
 *   float32   4 bytes per component, as they are
 *   float16   2 bytes, IEEE 754 binary16: the nearest, ties to even, 11 bits of precision. From 65520 on it is an infinity, as
 *             IEEE 754 says; a vector with one measures as far away as there is, under every metric
 *   uint8     1 byte, 0..255: what is behind the point is dropped and what lies outside goes to the nearer end, as Qdrant
 *             stores its `uint8` and Faiss its `8bit_direct`
 *
 * The kernels' plain.ts does the work.
 */
import type { KernelModule } from "../runtime/kernels.js";
import { BATCH, BatchCodec } from "./batch-codec.js";
import { badField, type CodecMetric, damagedCodec, type SavedCodec, wholeField } from "./contract.js";

/** Bytes per component. */
const widths = { float32: 4, float16: 2, uint8: 1 } as const;
export type PlainType = keyof typeof widths;
export const plainTypes = Object.keys(widths) as readonly PlainType[];
export type PlainMetric = CodecMetric | "Manhattan";

/** As the kernels number them. */
const metricNumbers: Record<PlainMetric, number> = { Euclid: 0, Cosine: 1, Dot: 2, Manhattan: 3 };
const typeNumbers = { float16: 0, uint8: 1 } as const;

/** Version of the saved form. */
const PLAIN_FORMAT = 1;

export class PlainCodec extends BatchCodec {
  readonly name: PlainType;
  readonly metric: PlainMetric;

  readonly #asked: number;
  /** The ordinals 0..BATCH-1, which the kernel for floats asks for. */
  readonly #list: number;

  /** BAD_REQUEST names a field that is out of range. */
  constructor(module: KernelModule, type: PlainType, dimensions: number, metric: PlainMetric = "Euclid") {
    if (!Object.hasOwn(widths, type)) throw badField("type", plainTypes.join(", "), type);
    if (!Object.hasOwn(metricNumbers, metric))
      throw badField("metric", Object.keys(metricNumbers).join(", "), metric);
    super(module, wholeField("dimensions", dimensions, 1, 65536), dimensions * widths[type]);
    this.name = type;
    this.metric = metric;
    this.#asked = this.arena.allocate(dimensions * 4);
    this.#list = this.arena.allocate(BATCH * 4);
    for (let i = 0; i < BATCH; i++) this.arena.u32[(this.#list >>> 2) + i] = i;
  }

  encodeAt(rows: number, count: number, codes: number): void {
    const numbers = count * this.dimensions;
    if (this.name === "float32") this.arena.u8.copyWithin(codes, rows, rows + numbers * 4);
    else this.kernels.plainEncode(typeNumbers[this.name], rows, numbers, codes);
  }

  decodeAt(codes: number, count: number, rows: number): void {
    const numbers = count * this.dimensions;
    if (this.name === "float32") this.arena.u8.copyWithin(rows, codes, codes + numbers * 4);
    else this.kernels.plainDecode(typeNumbers[this.name], codes, numbers, rows);
  }

  askAt(query: number): void {
    // Kept apart: the rows' room may be written before the next score.
    this.arena.u8.copyWithin(this.#asked, query, query + this.dimensions * 4);
  }

  scoreAt(codes: number, count: number, distances: number, bounds: number): void {
    const { kernels, dimensions, arena } = this;
    const metric = metricNumbers[this.metric];
    if (this.name === "float32")
      kernels.scoreList(metric, this.#asked, codes, dimensions, this.#list, count, distances);
    else
      kernels.plainScores(typeNumbers[this.name], metric, this.#asked, codes, dimensions, count, distances);
    arena.f32.fill(0, bounds >>> 2, (bounds >>> 2) + count);
  }

  save(): SavedCodec {
    const { name, metric, dimensions } = this;
    return { codec: name, meta: { format: PLAIN_FORMAT, metric, dimensions }, sections: [] };
  }
}

/** Reads back what `save` gave; CORRUPTION when it is not understood. */
export function loadPlainCodec(module: KernelModule, { codec, meta }: SavedCodec): PlainCodec {
  if (meta.format !== PLAIN_FORMAT) throw damagedCodec(`format is ${String(meta.format)}`);
  try {
    return new PlainCodec(module, codec as PlainType, meta.dimensions as number, meta.metric as PlainMetric);
  } catch (error) {
    throw damagedCodec((error as Error).message);
  }
}
