/**
 * VectorColumn: one named vector of one segment: the floats, the index over them, and the map between the
 * segment's rows and the index's ordinals. Of multi-vectors all vectors of a row together have one ordinal: that of a document
 * (index/multi/documents.ts).
 *
 * Floats and index lie in memory, or, once they were saved and where the index is of a family on disk, in their files.
 */
import type { IndexChoice } from "../index/choice.js";
import type { FileIndex, SearchRequest, SearchResult, VectorIndex } from "../index/contract.js";
import type { FileVectors } from "../index/file-vectors.js";
import { FlatIndex } from "../index/flat/index.js";
import { Documents, MaxSimScan } from "../index/multi/index.js";
import type { VectorStore } from "../index/vector-store.js";
import { assert } from "../runtime/assert.js";
import { grow } from "../runtime/grow.js";
import type { DenseVector, MultiVector } from "./effects.js";
import { RowMap } from "./row-map.js";

/** Floats and what searches them, in memory. */
export interface MemoryHome {
  readonly store: VectorStore;
  /** Answers searches: a scan until something better was built. */
  index: VectorIndex;
  /** The exact answer, whatever `index` is. */
  readonly scan: FlatIndex | MaxSimScan;
}

/** The same in files. */
export interface FileHome {
  readonly store: FileVectors;
  readonly index: FileIndex;
  /** Reads all of it into memory; present where the files serve only until that is done. */
  load?(signal: AbortSignal): Promise<LoadedHome>;
}

/** The index is undefined where its file is damaged. */
export interface LoadedHome {
  store: VectorStore;
  index: VectorIndex | undefined;
}

function memoryHome(store: VectorStore, documents?: Documents): MemoryHome {
  const scan = documents ? new MaxSimScan(store, documents) : new FlatIndex(store);
  return { store, index: scan, scan };
}

export class VectorColumn {
  readonly name: string;
  /** As the configuration says of the vector. */
  readonly born: number;
  /** Whether a row has several vectors, compared by the best match of each. */
  readonly multi: boolean;
  #memory: MemoryHome | undefined;
  #file: FileHome | undefined;
  #choice: IndexChoice | undefined;
  #norms: Float32Array | undefined;
  /** Vectors by rows; what ordinals are, where rows have one vector each. */
  readonly #map = new RowMap();
  /** Of multi-vectors: which vectors are one row's, and documents by rows. */
  readonly #documents: Documents | undefined;
  readonly #documentMap = new RowMap();

  constructor(name: string, store: VectorStore, multi = false, born = 0) {
    this.name = name;
    this.born = born;
    this.multi = multi;
    if (multi) this.#documents = new Documents();
    this.#memory = memoryHome(store, this.#documents);
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
    // Filled meanwhile, from what the files had been opened for.
    if (this.#file === old) this.fill({ store, index: undefined });
    else store.close();
    return old;
  }

  /** From here on memory serves what the files did. Without an index the vectors are scanned until one is built. */
  fill({ store, index }: LoadedHome): void {
    const home = memoryHome(store, this.#documents);
    this.#memory = { ...home, index: index ?? home.index };
    this.#file = undefined;
    if (!index) this.#choice = undefined;
  }

  get #ordinals(): RowMap {
    return this.multi ? this.#documentMap : this.#map;
  }

  /** How many ordinals there are, those of dead rows included. */
  get count(): number {
    return this.#documents?.count ?? this.store.count;
  }

  /** True while ordinals are rows. */
  get dense(): boolean {
    return this.#ordinals.dense;
  }

  /** Appends what the next row has: a vector, several, or none. */
  append(vector: DenseVector | MultiVector | undefined): void {
    if (vector === undefined) this.#appendNone();
    else if ("count" in vector) this.#appendMany(vector);
    else {
      this.#note(this.#owned().append(vector.data), vector.norm);
      this.#map.append(1);
    }
  }

  #appendNone(): void {
    this.#map.append(0);
    if (this.multi) this.#documentMap.append(0);
  }

  #appendMany({ data, count, norms }: MultiVector): void {
    const size = data.length / count;
    for (let i = 0; i < count; i++)
      this.#note(this.#owned().append(data.subarray(i * size, (i + 1) * size)), norms?.[i] ?? 1);
    this.#map.append(count);
    this.#documents?.append(count);
    this.#documentMap.append(1);
  }

  #note(ordinal: number, norm: number): void {
    if (!this.#norms) return;
    this.#norms = grow(this.#norms, ordinal + 1);
    this.#norms[ordinal] = norm;
  }

  has(row: number): boolean {
    return this.#map.count(row) > 0;
  }

  /** -1 where the row has no such vector. */
  ordinal(row: number): number {
    return this.has(row) ? this.#ordinals.first(row) : -1;
  }

  row(ordinal: number): number {
    return this.#ordinals.row(ordinal);
  }

  /** What a row has (of unit length for Cosine), or undefined. A copy. Of a column in memory. */
  get(row: number): DenseVector | MultiVector | undefined {
    return this.#assembled(row, (ordinal) => this.#owned().get(ordinal));
  }

  /** As `get`, of many rows, wherever the vectors lie. */
  getMany(
    rows: ArrayLike<number>,
  ): (DenseVector | MultiVector | undefined)[] | Promise<(DenseVector | MultiVector | undefined)[]> {
    if (this.#memory) return Array.from(rows, (row) => this.get(row));
    return this.#readFrom((this.#file as FileHome).store, Array.from(rows));
  }

  async #readFrom(vectors: FileVectors, rows: number[]): Promise<(DenseVector | MultiVector | undefined)[]> {
    const { dimensions } = vectors;
    const wanted = rows.flatMap((row) =>
      Array.from({ length: this.#map.count(row) }, (_, i) => this.#map.first(row) + i),
    );
    const rising = Uint32Array.from(new Set(wanted)).sort();
    const floats = await vectors.read(rising);
    const found = new Map<number, Float32Array>();
    rising.forEach((ordinal, i) => {
      found.set(ordinal, floats.subarray(i * dimensions, (i + 1) * dimensions));
    });
    return rows.map((row) => this.#assembled(row, (ordinal) => found.get(ordinal) as Float32Array));
  }

  #assembled(row: number, dataOf: (ordinal: number) => Float32Array): DenseVector | MultiVector | undefined {
    const count = this.#map.count(row);
    if (count === 0) return undefined;
    const first = this.#map.first(row);
    if (!this.multi) return { data: dataOf(first), norm: this.#norms ? this.#norms[first] : 1 };
    const { dimensions } = this.store;
    const data = new Float32Array(count * dimensions);
    for (let i = 0; i < count; i++) data.set(dataOf(first + i), i * dimensions);
    return { data, count, norms: this.#norms?.slice(first, first + count) };
  }

  /** Bits over rows as bits over ordinals. */
  ordinalBits(rowBits: Uint32Array): Uint32Array {
    return this.#ordinals.ordinalBits(rowBits);
  }

  /** Sections beside the floats: norms and the map of rows. */
  sections(): { name: string; bytes: Uint8Array }[] {
    const count = this.store.count;
    const sections: { name: string; bytes: Uint8Array }[] = [];
    if (this.#norms)
      sections.push({ name: "norms", bytes: new Uint8Array(this.#norms.slice(0, count).buffer) });
    return [...sections, ...this.#map.sections()];
  }

  /**
   * Puts back what `sections` gave, of so many vectors; the store holds its floats already.
   * @returns False when the sections do not fit the rows.
   */
  restore(
    rowCount: number,
    count: number,
    norms: Float32Array<ArrayBuffer> | undefined,
    rows: Uint32Array<ArrayBuffer>,
  ): boolean {
    this.#norms = norms;
    if (!this.#map.restore(rowCount, count, rows)) return false;
    if (this.#documents)
      for (let row = 0; row < rowCount; row++) {
        const vectors = this.#map.count(row);
        this.#documentMap.append(vectors > 0 ? 1 : 0);
        if (vectors > 0) this.#documents.append(vectors);
      }
    return true;
  }

  /** `codes` are part of `index`. */
  memoryBytes(): { vectors: number; index: number; codes: number; maps: number } {
    const maps =
      (this.#norms?.byteLength ?? 0) +
      this.#map.memoryBytes() +
      (this.#documents?.memoryBytes() ?? 0) +
      this.#documentMap.memoryBytes();
    const vectors = this.#memory?.store.bytes().byteLength ?? 0;
    const { index } = this;
    return { vectors, index: index.memoryBytes(), codes: index.codeBytes?.() ?? 0, maps };
  }

  /** No search may be under way. */
  close(): void {
    this.#memory?.store.close();
    this.#file?.index.close();
  }
}
