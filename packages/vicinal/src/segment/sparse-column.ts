/** SparseColumn: one named sparse vector of one segment: its vectors, the postings over them, and the map of ordinals to rows. */
import type { LoadedIndex, SearchResult } from "../index/contract.js";
import { SparseIndex, type SparseRequest, type SparseVector } from "../index/sparse/index.js";
import type { KernelModule } from "../runtime/kernels.js";
import { RowMap } from "./row-map.js";

export class SparseColumn {
  readonly name: string;
  /** As the configuration says of the vector. */
  readonly born: number;
  readonly index: SparseIndex;
  readonly #map = new RowMap();
  /** Vectors live in memory, whatever the other columns do. */
  readonly file = undefined;

  /** Nobody searches while the column is filled: postings are made once it is full. */
  readonly #bulk: boolean;

  constructor(name: string, kernels: KernelModule, bulk = false, born = 0) {
    this.name = name;
    this.born = born;
    this.#bulk = bulk;
    this.index = SparseIndex.createWith(kernels);
  }

  /** Vectors, dead ones included. */
  get count(): number {
    return this.index.count;
  }

  /** Appends what the next row has. */
  append(vector: SparseVector | undefined): void {
    if (vector) this.index.append(vector, this.#bulk);
    this.#map.append(vector ? 1 : 0);
  }

  has(row: number): boolean {
    return this.#map.count(row) > 0;
  }

  row(ordinal: number): number {
    return this.#map.row(ordinal);
  }

  /** The vector of a row, or undefined. A copy. */
  get(row: number): SparseVector | undefined {
    return this.has(row) ? this.index.rows.get(this.#map.first(row)) : undefined;
  }

  getMany(rows: ArrayLike<number>): (SparseVector | undefined)[] {
    return Array.from(rows, (row) => this.get(row));
  }

  /** Bits over rows as bits over ordinals. */
  ordinalBits(rowBits: Uint32Array): Uint32Array {
    return this.#map.ordinalBits(rowBits);
  }

  search(request: SparseRequest): SearchResult {
    return this.index.search(request);
  }

  /** What a file holds of the column; of one that is not appended to any more and is consolidated. */
  save(): { meta: Record<string, unknown>; sections: { name: string; bytes: Uint8Array }[] } {
    const { meta, sections } = this.index.save();
    // What cannot be made anew comes first: damage of the postings must not share a block with it.
    return { meta: { name: this.name, ...meta }, sections: [...this.#map.sections(), ...sections] };
  }

  /** Fills this new column with what `save` gave. CORRUPTION where that cannot be of so many rows. */
  async load(rows: number, saved: LoadedIndex): Promise<void> {
    const damaged = await this.index.load(saved);
    const length = saved.length("rows");
    const rowOfOrdinal = new Uint32Array(length / 4);
    if (length > 0) await saved.readInto("rows", new Uint8Array(rowOfOrdinal.buffer));
    if (!this.#map.restore(rows, this.count, rowOfOrdinal)) throw damaged("the map of rows does not fit");
  }

  /** Bytes of terms and values. */
  vectorBytes(): number {
    return this.index.rows.elements * 8;
  }

  memoryBytes(): { vectors: number; index: number; maps: number } {
    const vectors = this.index.rows.memoryBytes();
    return { vectors, index: this.index.memoryBytes() - vectors, maps: this.#map.memoryBytes() };
  }

  close(): void {
    this.index.close();
  }
}
