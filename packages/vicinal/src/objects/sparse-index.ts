/**
 * IndexSparse: sparse vectors, the k largest inner products, exactly (index/sparse/sparse-index.ts).
 *
 * Saved form, version 1: a section file of kind `sparse-index`; the postings are built anew from it.
 *
 *   meta:      { format }
 *   sections:  starts (count + 1 u32), terms (u32 each), values (f32 each)
 */
import { SparseIndex, SparseRows, type SparseVector } from "../index/sparse/index.js";
import { VicinalError } from "../runtime/errors.js";
import type { Sections } from "../storage/sections.js";
import { badArgument, checkedK, checkedLabel, labelBits } from "./arguments.js";
import { Breath } from "./breath.js";
import { bytesOf, damaged, sectionsOf } from "./saved-form.js";
import { Calls } from "./calls.js";

const FORMAT = 1;
const KIND = "sparse-index";
const LARGEST_INDEX = 2 ** 32 - 1;

/** A vector that is zero but at `indices`, 0..2^32-1 each, in any order, none twice; `values` are finite float32 numbers. */
export interface Sparse {
  indices: ArrayLike<number>;
  values: ArrayLike<number>;
}

/** Answers of a batch: k places per query, one query after the other; label -1 and score 0 where there is no hit. */
export interface SparseHits {
  k: number;
  labels: Int32Array;
  /** Inner products, largest first. */
  scores: Float32Array;
}

export class IndexSparse {
  readonly isTrained = true;
  readonly #index: SparseIndex;
  readonly #calls = new Calls();

  private constructor(index: SparseIndex) {
    this.#index = index;
  }

  static async create(): Promise<IndexSparse> {
    return new IndexSparse(await SparseIndex.create());
  }

  /** Reads back what `save` gave; CORRUPTION when the bytes are not that. */
  static async load(bytes: Uint8Array): Promise<IndexSparse> {
    const rows = await readRows(await sectionsOf(bytes, KIND));
    const index = await SparseIndex.create();
    for (let ordinal = 0; ordinal < rows.count; ordinal++) index.append(rows.get(ordinal));
    return new IndexSparse(index);
  }

  get ntotal(): number {
    return this.#index.count;
  }

  /** Adds vectors; resolves to the label of the first. Every later search finds them. */
  add(vectors: readonly Sparse[]): Promise<number> {
    return this.#calls.run(async () => {
      const checked = vectors.map((vector, i) => checkedSparse(`vectors[${i}]`, vector));
      const first = this.ntotal;
      for (const vector of checked) this.#index.append(vector);
      return first;
    });
  }

  /** Joins all postings into one run, which searches fastest. */
  build(
    options: { signal?: AbortSignal; progress?: (done: number, total: number) => void } = {},
  ): Promise<void> {
    return this.#calls.run(() => this.#index.consolidate(options));
  }

  /**
   * The k largest inner products with each query, among all vectors or the given labels. Vectors that share no index
   * with the query are no hits.
   */
  search(
    queries: readonly Sparse[],
    k: number,
    options: { among?: Iterable<number>; signal?: AbortSignal } = {},
  ): Promise<SparseHits> {
    return this.#calls.run(async () => {
      checkedK(k);
      const checked = queries.map((query, i) => checkedSparse(`queries[${i}]`, query));
      const bits = options.among && labelBits("among", options.among, this.ntotal);
      const labels = new Int32Array(checked.length * k).fill(-1);
      const scores = new Float32Array(checked.length * k);
      const breath = new Breath(options.signal);
      for (const [i, query] of checked.entries()) {
        const { ordinals, distances } = this.#index.search({ query, k, bits });
        labels.set(ordinals, i * k);
        distances.forEach((distance, j) => {
          scores[i * k + j] = -distance;
        });
        if (breath.due) await breath.take();
      }
      return { k, labels, scores };
    });
  }

  /** In how many vectors an index occurs: what inverse document frequencies are made of. */
  frequency(index: number): number {
    this.#calls.checkOpen();
    return this.#index.frequency(index);
  }

  /** The vector of a label, its indices rising. */
  reconstruct(label: number): { indices: Uint32Array; values: Float32Array } {
    this.#calls.checkOpen();
    const { terms, values } = this.#index.rows.get(checkedLabel("label", label, this.ntotal));
    return { indices: terms, values };
  }

  memoryBytes(): number {
    this.#calls.checkOpen();
    return this.#index.memoryBytes();
  }

  save(): Promise<Uint8Array> {
    return this.#calls.run(() => {
      const { starts, terms, values } = this.#index.rows.view();
      return bytesOf({
        kind: KIND,
        meta: { format: FORMAT },
        sections: Object.entries({ starts, terms, values }).map(
          ([name, { buffer, byteOffset, byteLength }]) => ({
            name,
            bytes: new Uint8Array(buffer, byteOffset, byteLength),
          }),
        ),
      });
    });
  }

  close(): Promise<void> {
    return this.#calls.close(() => this.#index.close());
  }
}

/** With rising terms; BAD_VECTOR or BAD_REQUEST names what is wrong. */
function checkedSparse(field: string, { indices, values }: Sparse): SparseVector {
  if (indices.length !== values.length)
    throw new VicinalError(
      "BAD_VECTOR",
      `${field} must have as many values as indices, not ${values.length} and ${indices.length}`,
      { field },
    );
  const order = Uint32Array.from(indices, (_, i) => i).sort((a, b) => indices[a] - indices[b]);
  for (let i = 0; i < order.length; i++) {
    const index = indices[order[i]];
    if (!Number.isInteger(index) || index < 0 || index > LARGEST_INDEX)
      throw badArgument(`${field}.indices[${order[i]}]`, `an integer from 0 to ${LARGEST_INDEX}`, index);
    if (i > 0 && index === indices[order[i - 1]])
      throw new VicinalError("BAD_VECTOR", `${field} must have each index once, not ${index} twice`, {
        field,
      });
    if (!Number.isFinite(Math.fround(values[order[i]])))
      throw new VicinalError(
        "BAD_VECTOR",
        `${field}.values[${order[i]}] must be a finite float32, not ${String(values[order[i]])}`,
        { field },
      );
  }
  return {
    terms: Uint32Array.from(order, (i) => indices[i]),
    values: Float32Array.from(order, (i) => values[i]),
  };
}

async function readRows(file: Sections): Promise<SparseRows> {
  if (file.meta.format !== FORMAT) throw damaged(`format ${String(file.meta.format)}`);
  const words = async (name: string) => {
    const bytes = new Uint8Array(file.length(name));
    if (bytes.length % 4 !== 0) throw damaged(`${bytes.length} bytes of ${name}`);
    await file.readInto(name, bytes);
    return bytes.buffer;
  };
  const starts = new Uint32Array(await words("starts"));
  const terms = new Uint32Array(await words("terms"));
  const values = new Float32Array(await words("values"));
  const sound =
    starts[0] === 0 && starts.at(-1) === terms.length && terms.length === values.length && starts.length > 0;
  if (!sound) throw damaged("vectors whose lengths do not add up");
  for (let i = 1; i < starts.length; i++) {
    if (starts[i] < starts[i - 1]) throw damaged("vectors out of order");
    for (let j = starts[i - 1] + 1; j < starts[i]; j++)
      if (terms[j] <= terms[j - 1]) throw damaged("indices out of order");
  }
  if (!values.every(Number.isFinite)) throw damaged("a value that is no number");
  return SparseRows.of(starts, terms, values);
}
