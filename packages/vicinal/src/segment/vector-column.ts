/**
 * VectorColumn: one named vector of one segment: the floats, the index over them, and the map between the
 * segment's rows and the index's ordinals. The map is absent while every row has the vector (identity).
 *
 * Floats and index lie in memory, or, once they were saved and where the index is of a family on disk, in their files.
 */
import type { IndexChoice } from "../index/choice.js";
import type { FileIndex, SearchRequest, SearchResult, VectorIndex } from "../index/contract.js";
import type { FileVectors } from "../index/file-vectors.js";
import { FlatIndex } from "../index/flat/index.js";
import type { VectorStore } from "../index/vector-store.js";
import { assert } from "../runtime/assert.js";
import { bitWords, hasBit, setBit } from "../runtime/bits.js";
import { grow } from "../runtime/grow.js";
import type { StoredVector } from "./effects.js";

/** Floats and what searches them, in memory. */
export interface MemoryHome {
  readonly store: VectorStore;
  /** Answers searches: a scan until something better was built. */
  index: VectorIndex;
  /** The exact answer, whatever `index` is. */
  readonly scan: FlatIndex;
}

/** The same in files. */
export interface FileHome {
  readonly store: FileVectors;
  readonly index: FileIndex;
}

function memoryHome(store: VectorStore): MemoryHome {
  const scan = new FlatIndex(store);
  return { store, index: scan, scan };
}

export class VectorColumn {
  readonly name: string;
  #memory: MemoryHome | undefined;
  #file: FileHome | undefined;
  #choice: IndexChoice | undefined;
  #norms: Float32Array | undefined;
  #ordinalOfRow: Int32Array | undefined;
  #rowOfOrdinal: Uint32Array | undefined;
  #rows = 0;

  constructor(name: string, store: VectorStore) {
    this.name = name;
    this.#memory = memoryHome(store);
    if (store.metric === "Cosine") this.#norms = new Float32Array(0);
  }

  /** Undefined while the vectors are served from files. */
  get memory(): MemoryHome | undefined {
    return this.#memory;
  }

  /** Undefined while the vectors lie in memory. */
  get file(): FileHome | undefined {
    return this.#file;
  }

  get #home(): MemoryHome | FileHome {
    return this.#memory ?? (this.#file as FileHome);
  }

  /** What says how many vectors there are and of which kind. */
  get store(): VectorStore | FileVectors {
    return this.#home.store;
  }

  get index(): VectorIndex | FileIndex {
    return this.#home.index;
  }

  /** What the index was chosen to be when it was built; undefined for a scan. */
  get choice(): IndexChoice | undefined {
    return this.#choice;
  }

  /** The store of a column in memory. */
  #owned(): VectorStore {
    assert(this.#memory !== undefined, "the vectors lie in memory");
    return this.#memory.store;
  }

  /** Exact: the nearest k of all vectors, or of those whose bits are set. */
  scan(request: Pick<SearchRequest, "query" | "k" | "bits">): SearchResult | Promise<SearchResult> {
    return this.#memory ? this.#memory.scan.search(request) : (this.#file as FileHome).store.scan(request);
  }

  search(request: SearchRequest): SearchResult | Promise<SearchResult> {
    return this.#home.index.search(request);
  }

  /**
   * Puts an index (undefined: the scan) in the place of the one before and releases that one's memory. A search in memory is
   * one synchronous step, so none is under way in it.
   */
  replaceIndex(index: VectorIndex | undefined, choice: IndexChoice | undefined): void {
    assert(this.#memory !== undefined, "an index in memory serves vectors in memory");
    const old = this.#memory.index;
    this.#memory.index = index ?? this.#memory.scan;
    this.#choice = choice;
    if (old !== this.#memory.index) old.release();
  }

  /** From here on files serve; the memory goes back. */
  moveToFile(home: FileHome, choice: IndexChoice): void {
    this.#memory?.store.close();
    this.#memory = undefined;
    this.#file = home;
    this.#choice = choice;
  }

  /** Reads the vectors into memory, where they are scanned until another index is built. Returns the old home, to be closed. */
  async moveToMemory(): Promise<FileHome | undefined> {
    const old = this.#file;
    if (!old) return undefined;
    const store = await old.store.load();
    this.#memory = memoryHome(store);
    this.#file = undefined;
    this.#choice = undefined;
    return old;
  }

  /** True while ordinals are rows. */
  get dense(): boolean {
    return this.#ordinalOfRow === undefined;
  }

  /** Appends the vector of the next row, or marks that it has none. */
  append(vector: StoredVector | undefined): void {
    const row = this.#rows;
    if (vector === undefined && this.#ordinalOfRow === undefined) this.#map();
    if (vector !== undefined) {
      const ordinal = this.#owned().append(vector.data);
      if (this.#norms) {
        this.#norms = grow(this.#norms, ordinal + 1);
        this.#norms[ordinal] = vector.norm;
      }
      if (this.#rowOfOrdinal) {
        this.#rowOfOrdinal = grow(this.#rowOfOrdinal, ordinal + 1);
        this.#rowOfOrdinal[ordinal] = row;
      }
      this.#mapRow(row, ordinal);
    } else this.#mapRow(row, -1);
    this.#rows = row + 1;
  }

  #map(): void {
    this.#ordinalOfRow = Int32Array.from({ length: Math.max(this.#rows, 16) }, (_, row) => row);
    this.#rowOfOrdinal = Uint32Array.from({ length: Math.max(this.#rows, 16) }, (_, row) => row);
  }

  #mapRow(row: number, ordinal: number): void {
    if (!this.#ordinalOfRow) return;
    this.#ordinalOfRow = grow(this.#ordinalOfRow, row + 1);
    this.#ordinalOfRow[row] = ordinal;
  }

  /** -1 where the row has no such vector. */
  ordinal(row: number): number {
    return this.#ordinalOfRow ? this.#ordinalOfRow[row] : row;
  }

  row(ordinal: number): number {
    return this.#rowOfOrdinal ? this.#rowOfOrdinal[ordinal] : ordinal;
  }

  /** The vector of a row (of unit length for Cosine), or undefined. A copy. Of a column in memory. */
  get(row: number): StoredVector | undefined {
    const ordinal = this.ordinal(row);
    return ordinal < 0 ? undefined : this.#stored(ordinal, this.#owned().get(ordinal));
  }

  /** As `get`, of many rows, wherever the vectors lie. */
  getMany(rows: ArrayLike<number>): (StoredVector | undefined)[] | Promise<(StoredVector | undefined)[]> {
    if (this.#memory) return Array.from(rows, (row) => this.get(row));
    const ordinals = Array.from(rows, (row) => this.ordinal(row));
    return this.#readFrom((this.#file as FileHome).store, ordinals);
  }

  async #readFrom(vectors: FileVectors, ordinals: number[]): Promise<(StoredVector | undefined)[]> {
    const { dimensions } = vectors;
    const rising = Uint32Array.from(new Set(ordinals.filter((ordinal) => ordinal >= 0))).sort();
    const floats = await vectors.read(rising);
    const found = new Map<number, Float32Array>();
    rising.forEach((ordinal, i) => {
      found.set(ordinal, floats.subarray(i * dimensions, (i + 1) * dimensions));
    });
    return ordinals.map((ordinal) => {
      const data = found.get(ordinal);
      return data && this.#stored(ordinal, data);
    });
  }

  #stored(ordinal: number, data: Float32Array): StoredVector {
    return { data, norm: this.#norms ? this.#norms[ordinal] : 1 };
  }

  /** Bits over rows as bits over ordinals. */
  ordinalBits(rowBits: Uint32Array): Uint32Array {
    if (!this.#rowOfOrdinal) return rowBits;
    const bits = new Uint32Array(bitWords(this.store.count));
    for (let ordinal = 0; ordinal < this.store.count; ordinal++)
      if (hasBit(rowBits, this.#rowOfOrdinal[ordinal])) setBit(bits, ordinal);
    return bits;
  }

  /** Sections beside the floats: norms and the map of rows. */
  sections(): { name: string; bytes: Uint8Array }[] {
    const count = this.store.count;
    const sections: { name: string; bytes: Uint8Array }[] = [];
    if (this.#norms)
      sections.push({ name: "norms", bytes: new Uint8Array(this.#norms.slice(0, count).buffer) });
    if (this.#rowOfOrdinal)
      sections.push({ name: "rows", bytes: new Uint8Array(this.#rowOfOrdinal.slice(0, count).buffer) });
    return sections;
  }

  /** Puts back what `sections` gave; the store holds its floats already. */
  restore(rowCount: number, norms: Float32Array | undefined, rows: Uint32Array | undefined): void {
    this.#rows = rowCount;
    this.#norms = norms;
    this.#rowOfOrdinal = rows;
    if (!rows) return;
    this.#ordinalOfRow = new Int32Array(rowCount).fill(-1);
    for (let ordinal = 0; ordinal < rows.length; ordinal++) this.#ordinalOfRow[rows[ordinal]] = ordinal;
  }

  memoryBytes(): { vectors: number; index: number; maps: number } {
    const maps =
      (this.#norms?.byteLength ?? 0) +
      (this.#ordinalOfRow?.byteLength ?? 0) +
      (this.#rowOfOrdinal?.byteLength ?? 0);
    const vectors = this.#memory?.store.bytes().byteLength ?? 0;
    return { vectors, index: this.index.memoryBytes(), maps };
  }

  /** No search may be under way. */
  close(): void {
    this.#memory?.store.close();
    this.#file?.index.close();
  }
}
