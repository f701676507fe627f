/**
 * PayloadStore: the payload bytes of one segment's rows, outside of any per-row JavaScript object.
 *
 * Bytes lie in chunks that never move or change, so that a view stays right while rows are replaced: first the chunks
 * of the base (what the sealed file holds; none in a growing segment), then the tail, to which appends and
 * replacements go. A row is an address and a length:
 *
 *   address (float64, an integer < 2^53) = chunk * 2^32 + offset in the chunk
 *   length  (uint32)                     = bytes; 0: the row has no payload and takes no bytes
 *
 * A base may be left in its file (payload-file.ts); an address is the place in `payload.heap` then, which takes the numbers
 * of as many chunks as it is long.
 *
 * Sections of the base, version 1:
 *
 *   payload.ends  float64[rows]  where the row's bytes end in the heap; they begin where the row before ends
 *   payload.heap  UTF-8 JSON of all rows, one after the other
 *
 * Sections of a patch (rows changed since the base), version 1:
 *
 *   patch.rows    uint32[count]  row numbers, ascending
 *   patch.ends    float64[count] as payload.ends, for these rows
 *   patch.heap    UTF-8 JSON of these rows
 */
import { assert } from "../runtime/assert.js";
import type { ReadCache } from "../runtime/read-cache.js";
import { answersAtOnce, PayloadFile } from "./payload-file.js";
import {
  bytesOf,
  expectLength,
  malformed,
  metaNumber,
  readNumbers,
  type SavedSections,
  type SectionSource,
} from "./sections.js";

/** Bytes of a tail chunk: as many as the tail has, from the least to the most; a longer payload gets one of its own. */
const LEAST_TAIL_CHUNK_BYTES = 1 << 14;
const TAIL_CHUNK_BYTES = 1 << 20;
/** Most bytes that one chunk of a loaded base holds, or that are read of a patch at once. */
const BASE_CHUNK_BYTES = 1 << 28;
/** Ends of rows that are read at a time. */
const ENDS_READ = 1 << 16;
const FILLED_BYTES_MAX = 2 ** 30;
/** Bytes that are handed to a file at once. */
const SAVE_CHUNK_BYTES = 1 << 20;
/** The tail is rewritten when this much of it, and more than half, belongs to no row any more. */
const WASTE_BYTES_MAX = 1 << 25;
const CHUNK_SPAN = 2 ** 32;
const FORMAT_VERSION = 1;

/** What a row without payload answers. */
const emptyPayload = new TextEncoder().encode("{}");

export class PayloadStore {
  /** Only ever appended to; rewriting the tail makes a new list, so that who reads on from the old one may. */
  #home: Home = { chunks: [], file: undefined, fileEnd: 0 };
  #baseChunkCount = 0;
  /** The chunk that takes appends, or -1. */
  #open = -1;
  #openUsed = 0;
  /** Bytes in the tail, and those of them that belong to no row any more. */
  #tailBytes = 0;
  #wasteBytes = 0;
  #addresses = new Float64Array(0);
  #lengths = new Uint32Array(0);
  #rowCount = 0;
  /** Bit per row: changed or added since the base. */
  #dirty = new Uint32Array(0);
  #dirtyCount = 0;
  #heapBytes = 0;

  get rowCount(): number {
    return this.#rowCount;
  }

  /** How many rows differ from the base. */
  get dirtyCount(): number {
    return this.#dirtyCount;
  }

  /** Bytes of all rows' payloads; what a base written now would hold. */
  get heapBytes(): number {
    return this.#heapBytes;
  }

  /** Adds a row; its number is returned. `{}` and no bytes mean that it has no payload. */
  append(payload: Uint8Array): number {
    const row = this.#rowCount;
    this.#reserve(row + 1);
    this.#put(row, payload);
    this.#rowCount = row + 1;
    return row;
  }

  /** Gives a row another payload. Views of the old one stay as they are. */
  replace(row: number, payload: Uint8Array): void {
    this.#check(row);
    this.#put(row, payload);
  }

  /** Takes a row's payload away. */
  clear(row: number): void {
    this.replace(row, emptyPayload);
  }

  has(row: number): boolean {
    this.#check(row);
    return this.#lengths[row] > 0;
  }

  /** The row's UTF-8 JSON, `{}` when it has no payload: a view that stays valid and must not be written. */
  bytes(row: number): Uint8Array {
    this.#check(row);
    const length = this.#lengths[row];
    return length === 0 ? emptyPayload : viewOf(this.#home, this.#addresses[row], length);
  }

  /** The rows that differ from the base, ascending. */
  dirtyRows(): Uint32Array {
    const rows = new Uint32Array(this.#dirtyCount);
    let count = 0;
    for (let word = 0; count < rows.length; word++) {
      for (let bits = this.#dirty[word]; bits !== 0; bits &= bits - 1) {
        rows[count++] = word * 32 + 31 - Math.clz32(bits & -bits);
      }
    }
    return rows;
  }

  /** A base with these rows in this order (default: all). Later writes do not show in it. */
  save(rows?: Uint32Array): SavedSections {
    const count = rows ? rows.length : this.#rowCount;
    const { ends, heap } = this.#layOut(count, rows);
    return {
      meta: { version: FORMAT_VERSION, rows: count },
      sections: [
        { name: "payload.ends", bytes: bytesOf(ends, count) },
        { name: "payload.heap", bytes: heap },
      ],
    };
  }

  /** From here on, what `save` gave just now is the base that rows differ from. */
  markBase(): void {
    this.#dirty.fill(0);
    this.#dirtyCount = 0;
  }

  /** Undoes `markBase` where the base could not be kept: these rows differ from the one before. */
  markChanged(rows: Uint32Array): void {
    for (const row of rows) this.#markDirty(row);
  }

  /** Gives back the memory of payloads that were replaced since the store was loaded. */
  compact(): void {
    this.#moveBase(undefined, 0);
  }

  /** Whether the base lies in a file. */
  get inFile(): boolean {
    return this.#home.file !== undefined;
  }

  /**
   * Leaves the base to the file that it was saved to; what has changed since stays in memory.
   * @returns False where the source cannot answer at once: all is as it was.
   */
  async moveToFile(source: SectionSource, cache: ReadCache): Promise<boolean> {
    if (!answersAtOnce(source)) return false;
    const ends = await readNumbers(source, "payload.ends", Float64Array, this.#rowCount);
    checkEnds("payload", ends);
    expectLength("payload.heap", ends.at(-1) ?? 0, source.length("payload.heap"));
    this.#leaveTo(new PayloadFile(source, cache), ends);
    return true;
  }

  #leaveTo(file: PayloadFile, ends: Float64Array): void {
    const isDirty = (row: number) => (this.#dirty[row >>> 5] & (1 << (row & 31))) !== 0;
    this.#moveBase(file, ends.at(-1) ?? 0, (row) => {
      if (isDirty(row)) return undefined;
      return row === 0 ? 0 : ends[row - 1];
    });
  }

  /** Reads a base that lies in a file into memory. One of more than a gigabyte stays there: it would have to be laid out anew. */
  async fill(): Promise<void> {
    const { file } = this.#home;
    if (!file || this.#baseChunkCount !== 1 || file.length > FILLED_BYTES_MAX) return;
    const base = await file.read();
    if (this.#home.file !== file) return;
    this.#home = { chunks: [base, ...this.#home.chunks.slice(1)], file: undefined, fileEnd: 0 };
    file.close();
  }

  /** Rows whose place in the new base `placeOf` tells lie there, the others in a new tail. */
  #moveBase(
    file: PayloadFile | undefined,
    bytes: number,
    placeOf?: (row: number) => number | undefined,
  ): void {
    const old = this.#home;
    this.#baseChunkCount = Math.ceil(bytes / CHUNK_SPAN);
    this.#beginTail([], file);
    for (let row = 0; row < this.#rowCount; row++) {
      if (this.#lengths[row] === 0) continue;
      this.#addresses[row] =
        placeOf?.(row) ?? this.#write(viewOf(old, this.#addresses[row], this.#lengths[row]));
    }
    old.file?.close();
  }

  /** An empty tail behind that base. */
  #beginTail(chunks: Uint8Array[], file: PayloadFile | undefined): void {
    // Places of chunks that the file has.
    chunks.length = this.#baseChunkCount;
    this.#home = { chunks, file, fileEnd: file ? this.#baseChunkCount * CHUNK_SPAN : 0 };
    this.#open = -1;
    this.#tailBytes = 0;
    this.#wasteBytes = 0;
  }

  /**
   * Reads a base back.
   * @param chunkBytes Most bytes that lie together in memory, unless a single payload is longer. Default 256 MiB.
   * @param cache Leaves the payloads in their file, and what is read of them here, where the source can answer at once.
   */
  static async load(
    source: SectionSource,
    chunkBytes = BASE_CHUNK_BYTES,
    cache?: ReadCache,
  ): Promise<PayloadStore> {
    expectVersion(source);
    const store = new PayloadStore();
    if (cache && answersAtOnce(source)) {
      await store.#loadPlaces(source, Number.POSITIVE_INFINITY);
      store.#baseChunkCount = Math.ceil(store.#heapBytes / CHUNK_SPAN);
      store.#beginTail([], new PayloadFile(source, cache));
      return store;
    }
    const starts = await store.#loadPlaces(source, chunkBytes);
    for (const [i, start] of starts.entries()) {
      const end = starts[i + 1] ?? store.#heapBytes;
      store.#home.chunks.push(await source.read("payload.heap", start, end - start));
    }
    store.#baseChunkCount = starts.length;
    return store;
  }

  /** Where the rows of a base lie, in chunks of so many bytes; returns where these begin in the heap. */
  async #loadPlaces(source: SectionSource, chunkBytes: number): Promise<number[]> {
    const count = metaNumber(source, "rows");
    expectLength("payload.ends", count * 8, source.length("payload.ends"));
    this.#reserve(count);
    this.#rowCount = count;
    const starts = source.length("payload.heap") > 0 ? [0] : [];
    let start = 0;
    let before = 0;
    // In parts: what is read of the ends is of no use later.
    for (let first = 0; first < count; first += ENDS_READ) {
      const length = Math.min(ENDS_READ, count - first);
      const ends = await readNumbers(source, "payload.ends", Float64Array, count, { first, length });
      checkEnds("payload", ends, before);
      for (let i = 0; i < length; before = ends[i++]) {
        if (ends[i] - start > chunkBytes && before > start) {
          start = before;
          starts.push(start);
        }
        this.#addresses[first + i] = Math.max(0, starts.length - 1) * CHUNK_SPAN + before - start;
        this.#lengths[first + i] = ends[i] - before;
      }
    }
    expectLength("payload.heap", before, source.length("payload.heap"));
    this.#heapBytes = before;
    return starts;
  }

  /** All that differs from the base: the payload overlay. */
  savePatch(): SavedSections {
    const rows = this.dirtyRows();
    const { ends, heap } = this.#layOut(rows.length, rows);
    return {
      meta: { version: FORMAT_VERSION, rows: this.#rowCount, patched: rows.length },
      sections: [
        { name: "patch.rows", bytes: bytesOf(rows, rows.length) },
        { name: "patch.ends", bytes: bytesOf(ends, rows.length) },
        { name: "patch.heap", bytes: heap },
      ],
    };
  }

  /** Lays a patch over the base that it was made for; returns the rows that it changed, ascending. */
  async loadPatch(source: SectionSource, chunkBytes = BASE_CHUNK_BYTES): Promise<Uint32Array> {
    expectVersion(source);
    if (metaNumber(source, "rows") !== this.#rowCount) {
      throw malformed(
        "meta",
        `the patch is for ${metaNumber(source, "rows")} rows, the base has ${this.#rowCount}`,
      );
    }
    const count = metaNumber(source, "patched");
    const rows = await readNumbers(source, "patch.rows", Uint32Array, count);
    const ends = await readNumbers(source, "patch.ends", Float64Array, count);
    checkEnds("patch", ends);
    expectLength("patch.heap", ends.at(-1) ?? 0, source.length("patch.heap"));
    for (let i = 0; i < count; i++) {
      if (rows[i] >= this.#rowCount || (i > 0 && rows[i] <= rows[i - 1])) {
        throw malformed("patch.rows", `entry ${i} is row ${rows[i]} of ${this.#rowCount}`);
      }
    }
    for (let first = 0; first < count; ) {
      const end = lastWithin(ends, first, chunkBytes);
      const start = first === 0 ? 0 : ends[first - 1];
      const bytes = await source.read("patch.heap", start, ends[end - 1] - start);
      for (let from = start; first < end; from = ends[first++]) {
        this.#put(rows[first], bytes.subarray(from - start, ends[first] - start));
      }
    }
    return rows;
  }

  /** Bytes that the store holds in memory, replaced payloads included. */
  memoryBytes(): number {
    let bytes = this.#addresses.byteLength + this.#lengths.byteLength + this.#dirty.byteLength;
    for (const chunk of this.#home.chunks) bytes += chunk?.byteLength ?? 0;
    return bytes;
  }

  #check(row: number): void {
    assert(row >= 0 && row < this.#rowCount, "a payload is asked for by a row of its segment");
  }

  #put(row: number, payload: Uint8Array): void {
    // The shortest payload that says something is longer than `{}`.
    const length = payload.length <= emptyPayload.length ? 0 : payload.length;
    if (this.#lengths[row] > 0 && this.#isInTail(row)) this.#wasteBytes += this.#lengths[row];
    this.#heapBytes += length - this.#lengths[row];
    this.#lengths[row] = length;
    if (length > 0) this.#addresses[row] = this.#write(payload);
    this.#markDirty(row);
    if (this.#wasteBytes > WASTE_BYTES_MAX && this.#wasteBytes * 2 > this.#tailBytes) this.#rewriteTail();
  }

  #markDirty(row: number): void {
    const bit = 1 << (row & 31);
    if ((this.#dirty[row >>> 5] & bit) !== 0) return;
    this.#dirty[row >>> 5] |= bit;
    this.#dirtyCount++;
  }

  #isInTail(row: number): boolean {
    return this.#addresses[row] >= this.#baseChunkCount * CHUNK_SPAN;
  }

  /** Copies the bytes to the tail; returns their address. */
  #write(payload: Uint8Array): number {
    this.#tailBytes += payload.length;
    if (payload.length >= TAIL_CHUNK_BYTES) {
      this.#home.chunks.push(payload.slice());
      return (this.#home.chunks.length - 1) * CHUNK_SPAN;
    }
    if (this.#open < 0 || this.#openUsed + payload.length > this.#home.chunks[this.#open].length) {
      const bytes = Math.max(LEAST_TAIL_CHUNK_BYTES, payload.length, this.#tailBytes);
      this.#open = this.#home.chunks.push(new Uint8Array(Math.min(TAIL_CHUNK_BYTES, bytes))) - 1;
      this.#openUsed = 0;
    }
    const address = this.#open * CHUNK_SPAN + this.#openUsed;
    this.#home.chunks[this.#open].set(payload, this.#openUsed);
    this.#openUsed += payload.length;
    return address;
  }

  /** Copies what rows still need of the tail to new chunks. Views and unfinished saves keep the old ones alive. */
  #rewriteTail(): void {
    const old = this.#home;
    this.#beginTail(old.chunks.slice(0, this.#baseChunkCount), old.file);
    for (let row = 0; row < this.#lengths.length; row++) {
      if (this.#lengths[row] > 0 && this.#isInTail(row)) {
        this.#addresses[row] = this.#write(viewOf(old, this.#addresses[row], this.#lengths[row]));
      }
    }
  }

  #reserve(rows: number): void {
    if (rows <= this.#lengths.length) return;
    const capacity = Math.max(rows, Math.min(this.#lengths.length * 2, this.#lengths.length + (1 << 20)), 64);
    const addresses = new Float64Array(capacity);
    addresses.set(this.#addresses);
    this.#addresses = addresses;
    const lengths = new Uint32Array(capacity);
    lengths.set(this.#lengths);
    this.#lengths = lengths;
    const dirty = new Uint32Array((capacity + 31) >>> 5);
    dirty.set(this.#dirty);
    this.#dirty = dirty;
  }

  /** The rows as they are now: what is written to the store while a file is being written does not show in it. */
  #layOut(count: number, rows?: Uint32Array): { ends: Float64Array; heap: Iterable<Uint8Array> } {
    const ends = new Float64Array(count);
    const addresses = new Float64Array(count);
    let end = 0;
    for (let i = 0; i < count; i++) {
      const row = rows ? rows[i] : i;
      this.#check(row);
      end += this.#lengths[row];
      ends[i] = end;
      addresses[i] = this.#addresses[row];
    }
    const home = this.#home;
    return { ends, heap: { [Symbol.iterator]: () => gather(home, addresses, ends) } };
  }
}

/** Where payloads lie: in chunks, or before `fileEnd` in a file. */
interface Home {
  readonly chunks: Uint8Array[];
  readonly file: PayloadFile | undefined;
  readonly fileEnd: number;
}

function viewOf({ chunks, file, fileEnd }: Home, address: number, length: number): Uint8Array {
  if (file && address < fileEnd) return file.view(address, length);
  const chunk = Math.floor(address / CHUNK_SPAN);
  const offset = address - chunk * CHUNK_SPAN;
  return chunks[chunk].subarray(offset, offset + length);
}

/** The bytes at these addresses, gathered into pieces worth writing. */
function* gather(home: Home, addresses: Float64Array, ends: Float64Array): Iterator<Uint8Array> {
  let piece = new Uint8Array(Math.min(SAVE_CHUNK_BYTES, ends.at(-1) ?? 0));
  let used = 0;
  for (let i = 0, start = 0; i < ends.length; start = ends[i++]) {
    const length = ends[i] - start;
    if (length === 0) continue;
    if (used + length > piece.length && used > 0) {
      yield piece.subarray(0, used);
      piece = new Uint8Array(SAVE_CHUNK_BYTES);
      used = 0;
    }
    const bytes = viewOf(home, addresses[i], length);
    if (length > piece.length) {
      yield bytes;
    } else {
      piece.set(bytes, used);
      used += length;
    }
  }
  if (used > 0) yield piece.subarray(0, used);
}

function expectVersion(source: SectionSource): void {
  if (source.meta.version !== FORMAT_VERSION)
    throw malformed("meta", `version is ${String(source.meta.version)}`);
}

/** @param before Where the entry before the first one ends. */
function checkEnds(name: string, ends: Float64Array, before = 0): void {
  for (let i = 0; i < ends.length; before = ends[i++])
    if (!(ends[i] >= before && ends[i] - before < CHUNK_SPAN))
      throw malformed(`${name}.ends`, `entry ${i} is ${ends[i]} after ${before}`);
}

/** The largest `end > first` for which the entries `first..end - 1` hold at most `limit` bytes, at least one entry. */
function lastWithin(ends: Float64Array, first: number, limit: number): number {
  const start = first === 0 ? 0 : ends[first - 1];
  let end = first + 1;
  while (end < ends.length && ends[end] - start <= limit) end++;
  return end;
}
