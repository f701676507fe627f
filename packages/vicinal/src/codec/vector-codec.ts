/**
 * VectorCodec: the machine behind SQ, PQ, OPQ and RaBitQ. They differ in how a residual is turned and what body stands for
 * it; factors, estimates and bounds are the same. The kernels' codec.ts draws the code and does the work, here is the
 * memory that it works in, behind a batch codec's own:
 *
 *   [ head ][ centre ][ signs ][ matrix ][ codebooks ][ first ][ second ][ zeros ][ query ]
 */
import type { KernelModule } from "../runtime/kernels.js";
import { BatchCodec } from "./batch-codec.js";
import { type CodecMetric, damagedCodec as damaged, type SavedCodec } from "./contract.js";

/** As the kernels number them. */
export const bodies = { planes: 0, byte: 1, nibble: 2, parts4: 3, parts8: 4 } as const;
export type Body = keyof typeof bodies;
const metricNumbers: Record<CodecMetric, number> = { Euclid: 0, Cosine: 1, Dot: 2 };

/** What decides the shape of a codec's memory and codes. */
export interface CodecShape {
  /** `rabitq`, `sq8`, `sq4`, `pq`, `opq`. */
  name: string;
  body: Body;
  metric: CodecMetric;
  dimensions: number;
  /** Dimensions of the body, at least `dimensions`. */
  padded: number;
  /** Bits per component of a body of planes. */
  bits: number;
  /** Parts of a product code. */
  parts: number;
  turn: "none" | "random" | "learned";
  /** One range for all vectors; 0: each has its own. */
  range: number;
  epsilon: number;
}

/** Version of the saved form. */
export const CODEC_FORMAT = 1;
export const ROTATION_ROUNDS = 4;
const HEAD_BYTES = 16;

/** Bytes of one code. */
export function codeBytesOf({ body, padded, bits, parts }: CodecShape): number {
  switch (body) {
    case "planes":
      return HEAD_BYTES + (padded / 8) * bits;
    case "byte":
      return HEAD_BYTES + padded;
    case "nibble":
      return HEAD_BYTES + padded / 2;
    case "parts4":
      return HEAD_BYTES + Math.ceil(parts / 2);
    case "parts8":
      return HEAD_BYTES + parts;
  }
}

/** Centroids per part of a product code. */
export const centroidsOf = (shape: CodecShape) => (shape.body === "parts4" ? 16 : 256);

interface Places {
  head: number;
  centre: number;
  signs: number;
  matrix: number;
  codebooks: number;
  first: number;
  second: number;
  zeros: number;
  query: number;
}

export class VectorCodec extends BatchCodec {
  readonly shape: CodecShape;
  readonly at: Places;

  constructor(module: KernelModule, shape: CodecShape) {
    super(module, shape.dimensions, codeBytesOf(shape));
    this.shape = shape;
    const { dimensions, padded, parts, turn } = shape;
    const place = (bytes: number) => this.arena.allocate(bytes);
    const product = parts > 0 ? centroidsOf(shape) : 0;
    this.at = {
      head: place(this.kernels.codecBytes()),
      centre: place(dimensions * 4),
      signs: turn === "random" ? place(ROTATION_ROUNDS * padded * 4) : 0,
      matrix: turn === "learned" ? place(padded * padded * 4) : 0,
      codebooks: product ? place(padded * product * 4) : 0,
      first: place(padded * 4 + 128),
      second: place(padded * 4 + parts + 128),
      zeros: place(padded * 4),
      query: place(Math.max(padded * 2, parts * product * 4)),
    };
    this.open();
  }

  /** Tells the kernels what the codec is; again after a change of `shape.range`. */
  open(): void {
    const { shape, at } = this;
    this.kernels.initCodec(
      at.head,
      bodies[shape.body],
      metricNumbers[shape.metric],
      shape.dimensions,
      shape.padded,
      shape.bits,
      shape.parts,
      this.bytesPerVector,
      at.centre,
      at.signs,
      at.matrix,
      at.codebooks,
      shape.range,
      shape.epsilon,
      at.first,
      at.second,
      at.zeros,
      at.query,
    );
  }

  get name(): string {
    return this.shape.name;
  }

  get metric(): CodecMetric {
    return this.shape.metric;
  }

  encodeAt(rows: number, count: number, codes: number): void {
    this.kernels.codecEncode(this.at.head, rows, count, codes);
  }

  decodeAt(codes: number, count: number, rows: number): void {
    this.kernels.codecDecode(this.at.head, codes, count, rows);
  }

  askAt(query: number): void {
    this.kernels.codecQuery(this.at.head, query);
  }

  scoreAt(codes: number, count: number, distances: number, bounds: number): void {
    this.kernels.codecEstimate(this.at.head, codes, count, distances, bounds);
  }

  /** The bytes are copies. */
  save(): SavedCodec {
    const { name, ...rest } = this.shape;
    return {
      codec: name,
      meta: { format: CODEC_FORMAT, ...rest },
      sections: this.sections().map(({ name: section, bytes }) => ({ name: section, bytes: bytes.slice() })),
    };
  }

  /** What was learned, as it lies in memory. */
  sections(): { name: string; bytes: Uint8Array }[] {
    const { shape, at } = this;
    const sections = [{ name: "centre", bytes: this.bytesAt(at.centre, shape.dimensions * 4) }];
    const add = (name: string, start: number, length: number) => {
      if (start) sections.push({ name, bytes: this.bytesAt(start, length) });
    };
    add("signs", at.signs, ROTATION_ROUNDS * shape.padded * 4);
    add("matrix", at.matrix, shape.padded * shape.padded * 4);
    add("codebooks", at.codebooks, shape.padded * centroidsOf(shape) * 4);
    return sections;
  }
}

/** Reads back what `save` gave; CORRUPTION when its parts do not fit together. */
export function loadVectorCodec(module: KernelModule, saved: SavedCodec): VectorCodec {
  const shape = checkedShape(saved);
  const codec = new VectorCodec(module, shape);
  for (const { name, bytes } of codec.sections()) {
    const section = saved.sections.find((candidate) => candidate.name === name);
    if (section?.bytes.length !== bytes.length) {
      codec.close();
      throw damaged(`section ${name} has ${section?.bytes.length ?? 0} bytes, ${bytes.length} expected`);
    }
    bytes.set(section.bytes);
  }
  return codec;
}

const turns: readonly unknown[] = ["none", "random", "learned"];

function checkedShape(saved: SavedCodec): CodecShape {
  const { meta } = saved;
  if (meta.format !== CODEC_FORMAT) throw damaged(`format is ${String(meta.format)}`);
  const whole = (name: string, low: number, high: number): number => {
    const value = meta[name];
    if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high)
      throw damaged(`${name} is ${String(value)}, expected ${low} to ${high}`);
    return value;
  };
  const { body, metric, turn, range, epsilon } = meta;
  if (typeof body !== "string" || !Object.hasOwn(bodies, body)) throw damaged(`body is ${String(body)}`);
  if (typeof metric !== "string" || !Object.hasOwn(metricNumbers, metric))
    throw damaged(`metric is ${String(metric)}`);
  if (!turns.includes(turn)) throw damaged(`turn is ${String(turn)}`);
  if (typeof range !== "number" || !(range >= 0)) throw damaged(`range is ${String(range)}`);
  if (typeof epsilon !== "number" || !(epsilon >= 0)) throw damaged(`epsilon is ${String(epsilon)}`);
  const dimensions = whole("dimensions", 1, 65535);
  const padded = whole("padded", dimensions, 131072);
  const product = body === "parts4" || body === "parts8";
  const parts = whole("parts", product ? 1 : 0, product ? padded : 0);
  if (padded % (product ? 4 : 16) !== 0 || (product && padded % parts !== 0))
    throw damaged(`padded is ${padded}, in ${parts} parts`);
  return {
    name: saved.codec,
    body: body as Body,
    metric: metric as CodecMetric,
    dimensions,
    padded,
    bits: whole("bits", 1, 8),
    parts,
    turn: turn as CodecShape["turn"],
    range,
    epsilon,
  };
}
