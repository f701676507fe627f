/** Postings that are read from their file: heads in memory, the rest when a search asks for it. */
import { assert } from "../../runtime/assert.js";
import { throwIfCancelled } from "../../runtime/cancel.js";
import type { ReadCache } from "../../runtime/read-cache.js";
import { Turns } from "../../runtime/turns.js";
import type {
  Calibration,
  EffortDial,
  FileIndex,
  SearchRequest,
  SearchResult,
  SectionFile,
} from "../contract.js";
import type { FileVectors } from "../file-vectors.js";
import type { Heads } from "./heads.js";
import { allocateSlot, LEAST_POOL, type PostingLayout, type Slot } from "./posting-memory.js";
import { effortOf } from "./postings-index.js";
import { poolFor, type Read, searchSteps } from "./search-steps.js";

/** Searches of one index that are under way at a time; the platform's file threads are four by default. */
const SEARCHES = 4;
/** Postings that lie at most so far apart are read together. */
const GAP_BYTES = 16 * 1024;
const READ_BYTES = 256 * 1024;

export class FilePostings implements FileIndex {
  readonly family = "postings";
  readonly exact = false;
  readonly effort: EffortDial;
  calibration: Calibration | undefined;
  readonly vectors: FileVectors;
  readonly #heads: Heads;
  readonly #layout: PostingLayout;
  readonly #file: SectionFile;
  readonly #cache: ReadCache;
  readonly #owner: number;
  readonly #turns = new Turns(SEARCHES);
  readonly #slots: Slot[] = [];
  #closed = false;

  constructor(
    vectors: FileVectors,
    { heads, layout }: { heads: Heads; layout: PostingLayout },
    file: SectionFile,
    cache: ReadCache,
    calibration: Calibration | undefined,
  ) {
    this.vectors = vectors;
    this.#heads = heads;
    this.#layout = layout;
    this.#file = file;
    this.#cache = cache;
    this.#owner = cache.newOwner();
    this.effort = effortOf(layout);
    this.calibration = calibration;
  }

  search(request: SearchRequest): Promise<SearchResult> {
    return this.#turns.run(() => this.#search(request));
  }

  async #search(request: SearchRequest): Promise<SearchResult> {
    assert(!this.#closed, "an index that is closed is not searched");
    const slot = this.#takeSlot(poolFor(this.#layout, request.k));
    const steps = searchSteps(this.#heads, this.#layout, slot, request);
    let readBytes = 0;
    try {
      for (;;) {
        const step = steps.next();
        if (step.done) {
          step.value.stats.readBytes = readBytes;
          return step.value;
        }
        throwIfCancelled(request.signal);
        readBytes += await this.#read(step.value);
      }
    } finally {
      this.#giveSlot(slot);
    }
  }

  /** Returns the bytes that came from the file. */
  async #read(read: Read): Promise<number> {
    if (read.kind === "rows") {
      read.floats = await this.vectors.read(read.wanted);
      return read.floats.byteLength;
    }
    const missing: number[] = [];
    read.wanted.forEach((head, i) => {
      const known = this.#cache.get(this.#owner, head);
      if (known) read.bytes[i] = known;
      else missing.push(i);
    });
    missing.sort((a, b) => read.wanted[a] - read.wanted[b]);
    const runs = [...this.#runs(missing, read.wanted)];
    const lengths = await Promise.all(runs.map((run) => this.#readRun(run, read)));
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  /** Groups postings (by their places in `wanted`, in file order) that are read together. */
  *#runs(places: number[], wanted: number[]): Generator<number[]> {
    const { starts } = this.#layout;
    let run: number[] = [];
    for (const place of places) {
      const head = wanted[place];
      if (run.length > 0) {
        const last = wanted[run[run.length - 1]];
        const gap = starts[head] - starts[last + 1];
        const whole = starts[head + 1] - starts[wanted[run[0]]];
        if (gap > GAP_BYTES || whole > READ_BYTES) {
          yield run;
          run = [];
        }
      }
      run.push(place);
    }
    if (run.length > 0) yield run;
  }

  async #readRun(run: number[], read: Read & { kind: "postings" }): Promise<number> {
    const { starts } = this.#layout;
    const from = starts[read.wanted[run[0]]];
    const to = starts[read.wanted[run[run.length - 1]] + 1];
    const bytes = await this.#file.read("postings", from, to - from);
    for (const place of run) {
      const head = read.wanted[place];
      read.bytes[place] = bytes.subarray(starts[head] - from, starts[head + 1] - from);
      this.#cache.put(this.#owner, head, read.bytes[place]);
    }
    return bytes.length;
  }

  #takeSlot(pool: number): Slot {
    const slot = this.#slots.pop();
    if (slot && slot.pool >= pool) return slot;
    if (slot) this.#heads.store.arena.release(slot.at);
    return allocateSlot(this.#heads.store, this.#layout, Math.max(LEAST_POOL, pool));
  }

  /** One that was made for an unusually large k is not kept. */
  #giveSlot(slot: Slot): void {
    if (slot.pool === LEAST_POOL) this.#slots.push(slot);
    else this.#heads.store.arena.release(slot.at);
  }

  memoryBytes(): number {
    // With the slots of searches, which stay.
    return (
      this.#heads.store.arena.reservedBytes + this.#layout.starts.byteLength + this.#layout.sizes.byteLength
    );
  }

  close(): void {
    this.#closed = true;
    this.#cache.drop(this.#owner);
    this.#heads.close();
  }
}
