/**
 * Segment: rows of points that lie together: ids, versions, vectors, payloads and field columns. It grows by
 * appending until it is sealed; from then on rows are neither added nor moved, only marked dead or given another
 * payload (an overlay beside the immutable files).
 */
import type { IndexChoice } from "../index/choice.js";
import type { SparseVector } from "../index/sparse/index.js";
import type { FieldColumn } from "../payload/column.js";
import { decodePayload, type JsonObject } from "../payload/json.js";
import { PayloadStore } from "../payload/store.js";
import { bitWords, clearBit, countBits, hasBit, setBit } from "../runtime/bits.js";
import { grow } from "../runtime/grow.js";
import { Readers } from "../runtime/readers.js";
import { BlobColumn } from "./blob-column.js";
import { GROWING_BYTES } from "./defaults.js";
import type { DenseVector, MultiVector, StoredPoint } from "./effects.js";
import { ExpiryColumn } from "./expiry.js";
import { IdColumn, type IdKey } from "./id-column.js";
import type { SparseColumn } from "./sparse-column.js";
import { VectorColumn } from "./vector-column.js";

/** A saved index, and what it was chosen to be. */
export interface IndexFile extends IndexChoice {
  file: string;
}

/**
 * Names of the files that hold a sealed segment; paths within the collection's directory. `born` of a vector tells its files from
 * those of an older vector that had its name; 0 where absent.
 */
export interface SegmentFiles {
  rows: string;
  vectors: { name: string; file: string; index?: IndexFile; born?: number }[];
  /** Absent in older manifests. */
  sparse?: { name: string; file: string; born?: number }[];
  fields: { path: string; file: string }[];
  deletes?: string;
  patch?: string;
}

export class Segment {
  /** Place in the collection's table of segments while it is open; ids in the id map point here. */
  readonly slot: number;
  /** Never used again once given. */
  readonly id: number;
  readonly capacity: number;
  ids = new IdColumn();
  readonly vectors = new Map<string, VectorColumn>();
  readonly sparse = new Map<string, SparseColumn>();
  payloads = new PayloadStore();
  readonly fields = new Map<string, FieldColumn>();
  /** Present where rows expire. */
  expiry: ExpiryColumn | undefined;
  /** Present where rows have blobs. */
  blobs: BlobColumn | undefined;
  sealed = false;
  /** False while a merge fills it: no search sees it. */
  published = true;
  /** Who reads from this segment over several turns: its memory and its files stay until they are done. */
  readonly readers = new Readers();
  /** Sequence number of the first and the last write that put rows here. */
  firstSequence = Number.POSITIVE_INFINITY;
  lastSequence = 0;
  /** Present once the rows are durable in files of their own. */
  files: SegmentFiles | undefined;
  /** Deletions since the delete file was written; payload changes since the patch file was. */
  deletesChanged = false;
  patchChanged = false;

  #versions = new Float64Array(0);
  #live = new Uint32Array(0);
  #liveCount = 0;
  #closed = false;
  readonly #dropped: (VectorColumn | SparseColumn)[] = [];
  readonly #lent = new Set<VectorColumn | SparseColumn>();
  #order: { rows: Uint32Array; count: number } | undefined;

  constructor(slot: number, id: number, capacity: number) {
    this.slot = slot;
    this.id = id;
    this.capacity = capacity;
  }

  /** Gives the segment an empty column: no row that is there has its vector. */
  add(column: VectorColumn | SparseColumn): void {
    for (let row = 0; row < this.rowCount; row++) column.append(undefined);
    if (column instanceof VectorColumn) this.vectors.set(column.name, column);
    else this.sparse.set(column.name, column);
  }

  /** Takes a column out. Its memory stays until `closeDropped`, since an index may be in the making over it. */
  drop(name: string): void {
    const column = this.column(name);
    if (column) this.#dropped.push(column);
    this.vectors.delete(name);
    this.sparse.delete(name);
  }

  /** Frees what was dropped once nobody searches it any more. Nothing may be built over it. */
  async closeDropped(): Promise<void> {
    const dropped = this.#dropped.splice(0);
    await this.readers.left();
    for (const column of dropped) column.close();
  }

  /** Takes a column in the place of its own of that name; `owner` keeps reading it and no longer frees it. */
  borrow(name: string, owner: Segment): void {
    const column = owner.vectors.get(name);
    const own = this.vectors.get(name);
    // Dropped meanwhile.
    if (!column || !own) return;
    own.close();
    owner.#lent.add(column);
    this.vectors.set(name, column);
  }

  /** Columns of vectors of either kind. */
  columns(): (VectorColumn | SparseColumn)[] {
    return [...this.vectors.values(), ...this.sparse.values()];
  }

  column(name: string): VectorColumn | SparseColumn | undefined {
    return this.vectors.get(name) ?? this.sparse.get(name);
  }

  get rowCount(): number {
    return this.ids.count;
  }
  get liveCount(): number {
    return this.#liveCount;
  }
  get deadCount(): number {
    return this.rowCount - this.#liveCount;
  }
  get full(): boolean {
    return this.rowCount >= this.capacity || this.#hasManyVectors;
  }

  /** Whether its multi-vectors or sparse vectors, whose sizes nobody knows before, alone hold what a growing segment should hold. */
  get #hasManyVectors(): boolean {
    for (const { multi, store } of this.vectors.values())
      if (multi && store.count * store.dimensions * 4 >= GROWING_BYTES) return true;
    for (const column of this.sparse.values()) if (column.vectorBytes() >= GROWING_BYTES) return true;
    return false;
  }

  /** Bits of live rows (a view: copy it to keep it over a write). */
  get live(): Uint32Array {
    return this.#live.subarray(0, bitWords(this.rowCount));
  }

  isLive(row: number): boolean {
    return hasBit(this.#live, row);
  }
  version(row: number): number {
    return this.#versions[row];
  }

  /** Appends a live row; returns it. */
  append(key: IdKey, point: StoredPoint, sequence: number): number {
    const row = this.rowCount;
    this.ids.append(key);
    this.#versions = grow(this.#versions, row + 1);
    this.#versions[row] = sequence;
    const given = (name: string) => point.vectors.find((vector) => vector.name === name)?.vector;
    for (const column of this.vectors.values())
      column.append(given(column.name) as DenseVector | MultiVector | undefined);
    for (const column of this.sparse.values()) column.append(given(column.name) as SparseVector | undefined);
    this.payloads.append(point.payload);
    if (point.expires !== undefined) {
      this.expiry ??= new ExpiryColumn();
      this.expiry.set(row, point.expires);
    }
    if (point.blobs) this.#blobColumn().set(row, point.blobs);
    if (this.fields.size > 0) {
      const payload = this.payload(row);
      for (const column of this.fields.values()) column.append(payload);
    }
    this.#live = grow(this.#live, bitWords(row + 1));
    setBit(this.#live, row);
    this.#liveCount++;
    if (sequence < this.firstSequence) this.firstSequence = sequence;
    if (sequence > this.lastSequence) this.lastSequence = sequence;
    return row;
  }

  kill(row: number): void {
    if (!this.isLive(row)) return;
    clearBit(this.#live, row);
    this.#liveCount--;
    this.deletesChanged = true;
  }

  setPayload(row: number, payload: Uint8Array, sequence: number): void {
    this.payloads.replace(row, payload);
    this.#versions[row] = sequence;
    if (this.fields.size > 0) {
      const decoded = this.payload(row);
      for (const column of this.fields.values()) column.update(row, decoded);
    }
    this.patchChanged = true;
  }

  #blobColumn(): BlobColumn {
    this.blobs ??= new BlobColumn();
    return this.blobs;
  }

  /** What the row says of its blobs; it is saved in patches beside its payload, which stays. */
  setBlobs(row: number, blobs: Uint8Array | undefined, sequence: number): void {
    this.#blobColumn().set(row, blobs);
    this.#versions[row] = sequence;
    this.payloads.markChanged(Uint32Array.of(row));
    this.patchChanged = true;
  }

  /** The decoded payload of a row, `{}` for none. */
  payload(row: number): JsonObject {
    return decodePayload(this.payloads.bytes(row));
  }

  /** Rows in the order of their ids (dead ones included), numbers before UUIDs. */
  order(): Uint32Array {
    const count = this.rowCount;
    if (this.#order?.count !== count) this.#order = { rows: this.ids.order(), count };
    return this.#order.rows;
  }

  versions(): Float64Array {
    return this.#versions.subarray(0, this.rowCount);
  }

  /** Puts back what files held; every row is live. */
  restore(ids: IdColumn, versions: Float64Array, live: Uint32Array, payloads: PayloadStore): void {
    this.ids = ids;
    this.#versions = versions as Float64Array<ArrayBuffer>;
    this.payloads = payloads;
    this.#live = live as Uint32Array<ArrayBuffer>;
    this.#liveCount = countBits(live);
    this.sealed = true;
  }

  setVersion(row: number, sequence: number): void {
    this.#versions[row] = sequence;
  }

  /** Bytes of all named vectors: what an exact scan reads. */
  vectorBytes(): number {
    let total = 0;
    for (const column of this.vectors.values()) total += column.store.count * column.store.dimensions * 4;
    for (const column of this.sparse.values()) total += column.vectorBytes();
    return total;
  }

  memoryBytes(): { ids: number; payloads: number; fields: number; vectors: number; indexes: number } {
    let vectors = 0;
    let indexes = 0;
    for (const column of this.columns()) {
      const bytes = column.memoryBytes();
      vectors += bytes.vectors;
      indexes += bytes.index + bytes.maps;
    }
    let fields = 0;
    for (const column of this.fields.values()) fields += column.memoryBytes();
    const ids =
      this.ids.memoryBytes() +
      this.#versions.byteLength +
      this.#live.byteLength +
      (this.expiry?.memoryBytes() ?? 0);
    const payloads = this.payloads.memoryBytes() + (this.blobs?.memoryBytes() ?? 0);
    return { ids, payloads, fields, vectors, indexes };
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Frees the memory, at once or when the last reader is done. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const close = () => {
      for (const column of [...this.columns(), ...this.#dropped.splice(0)])
        if (!this.#lent.has(column)) column.close();
    };
    if (this.readers.idle) close();
    else void this.readers.drained().then(close);
  }
}
