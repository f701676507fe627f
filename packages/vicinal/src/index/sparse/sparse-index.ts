/**
 * SparseIndex: sparse vectors under their ordinals, and the k largest dot products with a query, always exactly.
 *
 * Each RUN of vectors gets postings, and equal runs are joined up to LONGEST_RUN, so that a growing index stays fast and
 * an append cheap; the tail after the last run gets postings when it is searched. `consolidate` makes one run of all. A
 * search is one call into WebAssembly per run, into one heap: what the runs before found prunes those after.
 */

import { throwIfCancelled, yieldToOthers } from "../../runtime/cancel.js";
import { VicinalError } from "../../runtime/errors.js";
import { instantiate, type KernelModule, type Kernels, loadKernels } from "../../runtime/kernels.js";
import { Arena } from "../../runtime/memory.js";
import type { LoadedIndex, SearchResult } from "../contract.js";
import { readSections, wholeNumber } from "../saved-meta.js";
import { Postings } from "./postings.js";
import { SparseRows, type SparseVector } from "./sparse-rows.js";

/** Of saved indexes. */
const FORMAT = 1;
/** Vectors of the shortest run: at 100 elements each its postings take a millisecond to build. */
const RUN = 512;
/** Runs that are joined when there are so many of one length, and the longest that an append makes: 10 ms of work. */
const JOINED = 8;
const LONGEST_RUN = RUN * JOINED;
/** On the calling thread: milliseconds of work between two breaths. */
const SLICE_MS = 8;

export interface SparseRequest {
  query: SparseVector;
  /** Hits wanted. */
  k: number;
  /** Which ordinals may be answered; absent: all. */
  bits?: Uint32Array;
}

export class SparseIndex {
  rows = new SparseRows();
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  /** In order of ordinal. */
  readonly #runs: Postings[] = [];
  /** Over what comes after them, since it was searched last. */
  #tail: Postings | undefined;
  readonly #work: Growing;
  readonly #query: Growing;
  readonly #bits: Growing;
  readonly #answer: Growing;

  private constructor(kernels: KernelModule) {
    this.#arena = Arena.create(kernels, 0);
    this.#kernels = instantiate(kernels, this.#arena.memory);
    this.#work = new Growing(this.#arena);
    this.#query = new Growing(this.#arena);
    this.#bits = new Growing(this.#arena);
    this.#answer = new Growing(this.#arena);
  }

  static async create(): Promise<SparseIndex> {
    return SparseIndex.createWith(await loadKernels());
  }

  static createWith(kernels: KernelModule): SparseIndex {
    return new SparseIndex(kernels);
  }

  get count(): number {
    return this.rows.count;
  }

  /** Appends a vector; returns its ordinal. In bulk postings wait until `consolidate` makes those of all at once. */
  append(vector: SparseVector, bulk = false): number {
    const ordinal = this.rows.append(vector);
    if (bulk) return ordinal;
    this.#tail?.release();
    this.#tail = undefined;
    if (ordinal + 1 - this.#indexed === RUN) this.#addRun();
    return ordinal;
  }

  get #indexed(): number {
    const last = this.#runs.at(-1);
    return last ? last.first + last.count : 0;
  }

  #addRun(): void {
    this.#join(this.#runs.length, RUN);
    for (let length = RUN; length < LONGEST_RUN; length *= JOINED) {
      const from = this.#runs.length - JOINED;
      if (from < 0 || this.#runs.slice(from).some((run) => run.count !== length)) return;
      this.#join(from, length * JOINED);
    }
  }

  /** Puts one run in the place of runs from..; it covers `count` vectors. */
  #join(from: number, count: number): void {
    const run = this.#build(this.#runs[from]?.first ?? this.#indexed, count);
    for (const old of this.#runs.splice(from, this.#runs.length, run)) old.release();
  }

  #build(first: number, count: number): Postings {
    const steps = Postings.build(this.#place, this.rows, first, count);
    let step = steps.next();
    while (!step.done) step = steps.next();
    return step.value;
  }

  /** Runs over all vectors. */
  #allRuns(): Postings[] {
    const { count } = this.rows;
    const indexed = this.#indexed;
    if (indexed === count) return this.#runs;
    this.#tail ??= this.#build(indexed, count - indexed);
    return [...this.#runs, this.#tail];
  }

  get #place() {
    return { arena: this.#arena, kernels: this.#kernels };
  }

  /** Makes one run of all vectors, in slices; searches go on meanwhile, appends must not. CANCELLED leaves all as it was. */
  async consolidate(
    options: { signal?: AbortSignal; progress?: (done: number, total: number) => void } = {},
  ): Promise<void> {
    const { count } = this.rows;
    if (this.consolidated) return;
    throwIfCancelled(options.signal);
    const steps = Postings.build(this.#place, this.rows, 0, count);
    let since = performance.now();
    try {
      for (let step = steps.next(); ; step = steps.next()) {
        if (step.done) {
          for (const run of this.#runs.splice(0, this.#runs.length, step.value)) run.release();
          this.#tail?.release();
          this.#tail = undefined;
          return;
        }
        if (performance.now() - since < SLICE_MS) continue;
        options.progress?.(Math.floor(step.value), count);
        await yieldToOthers();
        throwIfCancelled(options.signal);
        since = performance.now();
      }
    } finally {
      steps.return(undefined as never);
    }
  }

  /** The k largest products, largest first, as negative distances; vectors that share no term are no hits. */
  search({ query, k, bits }: SparseRequest): SearchResult {
    const { count } = this.rows;
    const wanted = Math.min(k, count);
    const stats = { scored: 0, visited: 0 };
    if (wanted <= 0 || query.terms.length === 0)
      return { ordinals: new Uint32Array(0), distances: new Float32Array(0), exhausted: true, stats };
    const answer = this.#answer.room(wanted * 16 + 16);
    const sizes = answer + wanted * 16;
    const bitsAt = bits ? this.#bits.room(bits.length * 4) : 0;
    if (bits) this.#arena.u32.set(bits, bitsAt >>> 2);
    let size = 0;
    for (const run of this.#allRuns())
      size = this.#searchRun(run, query, wanted, bitsAt, answer, size, stats);
    this.#arena.u32[sizes >>> 2] = size;
    const ordinals = answer + wanted * 8;
    const distances = answer + wanted * 12;
    this.#kernels.finishBatch(1, wanted, answer, sizes, ordinals, distances);
    return {
      ordinals: this.#arena.u32.slice(ordinals >>> 2, (ordinals >>> 2) + size),
      distances: this.#arena.f32.slice(distances >>> 2, (distances >>> 2) + size),
      exhausted: true,
      stats,
    };
  }

  #searchRun(
    run: Postings,
    query: SparseVector,
    k: number,
    bits: number,
    heap: number,
    size: number,
    stats: SearchResult["stats"],
  ): number {
    const pairs = this.#query.room(query.terms.length * 8);
    let terms = 0;
    let entries = 0;
    query.terms.forEach((term, i) => {
      const rank = run.rank(term);
      if (rank < 0) return;
      this.#arena.u32[(pairs >>> 2) + 2 * terms] = rank;
      this.#arena.f32[(pairs >>> 2) + 2 * terms + 1] = query.values[i];
      entries += run.entriesOf(rank);
      terms++;
    });
    if (terms === 0) return size;
    const work = this.#work.room(this.#kernels.sparseWorkBytes(run.blocks, entries));
    this.#kernels.initSparseWork(work, run.blocks);
    const found = this.#kernels.sparseSearch(run.head, work, pairs, terms, bits, k, heap, size);
    stats.scored += this.#arena.u32[work >>> 2];
    stats.visited += this.#arena.u32[(work >>> 2) + 1];
    return found;
  }

  /** True when one run covers all vectors. */
  get consolidated(): boolean {
    if (this.rows.count === 0) return true;
    return this.#runs.length === 1 && this.#indexed === this.rows.count;
  }

  /** What a file holds: the vectors, and the postings of a consolidated index. */
  save(): { meta: Record<string, unknown>; sections: { name: string; bytes: Uint8Array }[] } {
    const { starts, terms, values } = this.rows.view();
    const bytes = ({ buffer, byteOffset, byteLength }: Uint32Array | Float32Array) =>
      new Uint8Array(buffer, byteOffset, byteLength);
    const sections = [
      { name: "vectors.starts", bytes: bytes(starts) },
      { name: "vectors.terms", bytes: bytes(terms) },
      { name: "vectors.values", bytes: bytes(values) },
    ];
    const [run] = this.#runs;
    const postings = this.consolidated && run ? run.sections() : [];
    return { meta: { format: FORMAT, count: this.count }, sections: [...sections, ...postings] };
  }

  /**
   * Fills this new index with what `save` gave. Postings that are not there or damaged are made anew, in slices.
   * @returns What names the damage of a file, for those who read on in it.
   * @throws CORRUPTION where the vectors themselves are damaged.
   */
  async load(saved: LoadedIndex): Promise<(what: string) => VicinalError> {
    const damaged = (what: string) =>
      new VicinalError("CORRUPTION", `The file of sparse vectors is damaged: ${what}`);
    const { meta } = saved;
    if (meta.format !== FORMAT) throw damaged(`format is ${String(meta.format)}`);
    const count = wholeNumber(meta, "count", 0, 2 ** 32 - 1, damaged);
    const elements = saved.length("vectors.terms") / 4;
    const starts = new Uint32Array(count + 1);
    const terms = new Uint32Array(elements);
    const values = new Float32Array(elements);
    const parts = { "vectors.starts": starts, "vectors.terms": terms, "vectors.values": values };
    const sections = Object.entries(parts).map(([name, { buffer }]) => ({
      name,
      bytes: new Uint8Array(buffer),
    }));
    await readSections(saved, sections, damaged);
    for (let i = 0; i < count; i++) if (starts[i + 1] < starts[i]) throw damaged("vectors' ends do not rise");
    if (starts[0] !== 0 || starts[count] !== elements) throw damaged("vectors' ends do not fit");
    this.rows = SparseRows.of(starts, terms, values);
    if (count > 0 && saved.length("starts") > 0) await this.#loadPostings(saved, damaged);
    await this.consolidate();
    return damaged;
  }

  async #loadPostings(saved: LoadedIndex, damaged: (what: string) => VicinalError): Promise<void> {
    try {
      this.#runs.push(await Postings.load(this.#place, this.count, saved, damaged));
    } catch (reason) {
      if (!(reason instanceof VicinalError && reason.code === "CORRUPTION")) throw reason;
    }
  }

  /** Product of one vector with a query, undefined where they share no term. */
  score(ordinal: number, query: SparseVector): number | undefined {
    return sparseDot(this.rows.get(ordinal), query);
  }

  /** In how many vectors a term occurs, of all or of those whose bits are set. */
  frequency(term: number, bits?: Uint32Array): number {
    let sum = 0;
    for (const run of this.#allRuns()) {
      const rank = run.rank(term);
      if (rank >= 0) sum += run.frequency(rank, bits);
    }
    return sum;
  }

  memoryBytes(): number {
    return this.rows.memoryBytes() + this.#allRuns().reduce((sum, run) => sum + run.memoryBytes(), 0);
  }

  close(): void {
    this.#arena.close();
  }
}

/** Dot product of two sparse vectors, undefined where they share no term. */
export function sparseDot(a: SparseVector, b: SparseVector): number | undefined {
  let sum = 0;
  let shared = false;
  for (let i = 0, j = 0; i < a.terms.length && j < b.terms.length; ) {
    if (a.terms[i] < b.terms[j]) i++;
    else if (a.terms[i] > b.terms[j]) j++;
    else {
      shared = true;
      sum += a.values[i++] * b.values[j++];
    }
  }
  return shared ? sum : undefined;
}

/** A region that is replaced by a larger one when more is asked. */
class Growing {
  readonly #arena: Arena;
  #at = 0;
  #bytes = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Address of at least that many bytes; what was there is lost. */
  room(bytes: number): number {
    if (bytes <= this.#bytes) return this.#at;
    const larger = Math.max(bytes, this.#bytes * 2, 4096);
    const at = this.#arena.allocate(larger);
    if (this.#at) this.#arena.release(this.#at);
    this.#at = at;
    this.#bytes = larger;
    return at;
  }
}
