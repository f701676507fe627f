/**
 * Fixed dimensional encodings: one long vector for each multi-vector, so that the inner product of two of them comes near to the MaxSim
 * of what they stand for, and any index of single vectors finds candidates.
 *
 * Dhulipala, Hadian, Jayaram, Lee, Mirrokni, "MUVERA: Multi-Vector Retrieval via Fixed Dimensional Encodings" (NeurIPS 2024,
 * arXiv 2405.19504). The signs of some random products cut the space into cells; near vectors fall into the same one. A cell of a query
 * holds the sum of the query's vectors in it, a cell of a document their mean, so that the product of the two adds up what each vector
 * of the query has in common with the document's vectors near to it. An empty cell of a document takes what the most similar cell has.
 * All that is repeated with other cells, since two near vectors may be cut apart by chance.
 *
 *   repetitions   the products scatter less, in proportion to the root
 *   bits          signs: 2^bits cells. More cells tell vectors apart better, but cut more near ones apart
 *   projection    numbers that are kept of the sum in a cell: random +1 and -1 (Johnson-Lindenstrauss); all, where there are no more
 *
 * Deviations: an empty cell takes the mean of the most similar cell that is not empty (the first of several), not the vector with the
 * most similar signs; there is no projection of the whole encoding in the end, which costs as much as it saves at these sizes.
 * Cost: repetitions x (bits + projection) products for each vector. For inner products (Dot, Cosine).
 */
import { assert } from "../../runtime/assert.js";
import type { VicinalError } from "../../runtime/errors.js";
import type { Arena } from "../../runtime/memory.js";
import { seededRandom } from "../../runtime/random.js";
import { metricNumbers, type VectorStore } from "../vector-store.js";

export interface EncoderParameters {
  repetitions: number;
  bits: number;
  projection: number;
  /** Of the random products. */
  seed: number;
}

/** Vectors one after the other. */
type Cells = Float32Array;

/** Numbers of an encoding of vectors of so many dimensions. */
export function encodedDimensions(
  { repetitions, bits, projection }: EncoderParameters,
  dimensions: number,
): number {
  return repetitions * 2 ** bits * Math.min(projection, dimensions);
}

/** It works in the memory of the store whose vectors it encodes: `close` gives its region back. */
export class FixedEncoder {
  readonly parameters: EncoderParameters;
  /** Numbers of an encoding. */
  readonly dimensions: number;
  readonly #store: VectorStore;
  readonly #kept: number;
  /** Rows of random products, the list 0, 1, 2, ... of them, and the products of one vector. */
  readonly #matrix: number;
  readonly #list: number;
  readonly #products: number;
  readonly #query: number;
  readonly #rows: number;
  /** How many of a repetition's vectors fell into each cell. */
  readonly #counts: Uint32Array;

  constructor(store: VectorStore, parameters: EncoderParameters) {
    const { dimensions, arena } = store;
    const { repetitions, bits, projection } = parameters;
    this.parameters = parameters;
    this.dimensions = encodedDimensions(parameters, dimensions);
    this.#store = store;
    this.#kept = Math.min(projection, dimensions);
    // Where nothing is left out, the vector itself is kept.
    this.#rows = repetitions * (bits + (this.#projects ? this.#kept : 0));
    this.#counts = new Uint32Array(2 ** bits);
    const matrixBytes = Math.ceil((this.#rows * dimensions * 4) / 64) * 64;
    const listBytes = Math.ceil(this.#rows / 16) * 64;
    this.#matrix = arena.allocate(matrixBytes + 2 * listBytes + dimensions * 4);
    this.#list = this.#matrix + matrixBytes;
    this.#products = this.#list + listBytes;
    this.#query = this.#products + listBytes;
    fillMatrix(arena, this.#matrix >>> 2, parameters, this.#rows / repetitions, dimensions);
    for (let i = 0; i < this.#rows; i++) arena.u32[(this.#list >>> 2) + i] = i;
  }

  get #projects(): boolean {
    return this.parameters.projection < this.#store.dimensions;
  }

  /** Of the vectors first..end-1 of the store, as a document. */
  encodeDocument(first: number, end: number): Cells {
    const { dimensions, rows } = this.#store;
    const size = dimensions * 4;
    const encoded = new Float32Array(this.dimensions);
    const filled = new Uint32Array(this.parameters.repetitions * this.#counts.length);
    for (let ordinal = first; ordinal < end; ordinal++) this.#add(rows + ordinal * size, encoded, filled);
    this.#average(encoded, filled);
    return encoded;
  }

  /** Of vectors one after the other, as a query. */
  encodeQuery(query: Float32Array): Cells {
    const { dimensions, arena } = this.#store;
    assert(query.length % dimensions === 0, "a query holds whole vectors");
    const encoded = new Float32Array(this.dimensions);
    for (let at = 0; at < query.length; at += dimensions) {
      arena.f32.set(query.subarray(at, at + dimensions), this.#query >>> 2);
      this.#add(this.#query, encoded, undefined);
    }
    return encoded;
  }

  /** Adds the vector at that address to its cell in each repetition. */
  #add(vector: number, encoded: Cells, filled: Uint32Array | undefined): void {
    const { kernels, dimensions, arena } = this.#store;
    kernels.scoreList(
      metricNumbers.Dot,
      vector,
      this.#matrix,
      dimensions,
      this.#list,
      this.#rows,
      this.#products,
    );
    const { f32 } = arena;
    const { repetitions, bits } = this.parameters;
    const kept = this.#kept;
    const cells = this.#counts.length;
    let at = this.#products >>> 2;
    for (let repetition = 0; repetition < repetitions; repetition++) {
      let cell = repetition * cells;
      // The kernel gives products with the sign turned: distances.
      for (let bit = 0; bit < bits; bit++) if (f32[at++] < 0) cell += 2 ** bit;
      if (filled) filled[cell]++;
      const source = this.#projects ? at : vector >>> 2;
      const sign = this.#projects ? -1 : 1;
      for (let i = 0; i < kept; i++) encoded[cell * kept + i] += sign * f32[source + i];
      if (this.#projects) at += kept;
    }
  }

  /** Sums become means, and empty cells take those of the most similar ones. */
  #average(encoded: Cells, filled: Uint32Array): void {
    const kept = this.#kept;
    const cells = this.#counts.length;
    for (let cell = 0; cell < filled.length; cell++)
      if (filled[cell] > 1) for (let i = 0; i < kept; i++) encoded[cell * kept + i] /= filled[cell];
    for (let cell = 0; cell < filled.length; cell++) {
      if (filled[cell] > 0) continue;
      const base = cell - (cell % cells);
      const like = base + mostSimilar(cell - base, filled.subarray(base, base + cells));
      encoded.copyWithin(cell * kept, like * kept, (like + 1) * kept);
    }
  }

  close(): void {
    this.#store.arena.release(this.#matrix);
  }
}

/** The cell that is not empty and differs in the fewest signs. */
function mostSimilar(cell: number, filled: Uint32Array): number {
  let best = -1;
  let least = 33;
  for (let other = 0; other < filled.length; other++) {
    if (filled[other] === 0) continue;
    const differing = bitsOf(cell ^ other);
    if (differing >= least) continue;
    least = differing;
    best = other;
  }
  return best;
}

function bitsOf(word: number): number {
  let count = 0;
  for (let left = word; left !== 0; left &= left - 1) count++;
  return count;
}

/** For each repetition: `bits` rows of normal numbers for the signs, then rows of +-1 / sqrt(projection). */
function fillMatrix(
  arena: Arena,
  at: number,
  { repetitions, bits, projection, seed }: EncoderParameters,
  rowsEach: number,
  dimensions: number,
): void {
  const random = seededRandom(seed);
  const share = 1 / Math.sqrt(projection);
  const { f32 } = arena;
  for (let row = 0; row < repetitions * rowsEach; row++)
    for (let i = 0; i < dimensions; i++)
      f32[at + row * dimensions + i] =
        row % rowsEach < bits ? normal(random) : random() < 0.5 ? share : -share;
}

/** Box & Muller, 1958. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Parameters as a file has them. */
export function checkedParameters(
  meta: Record<string, unknown>,
  damaged: (what: string) => VicinalError,
): EncoderParameters {
  const { repetitions, bits, projection, seed } = meta;
  const whole = (value: unknown, least: number, most: number) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  if (
    !whole(repetitions, 1, 1024) ||
    !whole(bits, 0, 12) ||
    !whole(projection, 1, 65535) ||
    !whole(seed, 0, 2 ** 32)
  )
    throw damaged("the parameters of the encoding are not understood");
  return { repetitions, bits, projection, seed } as EncoderParameters;
}
