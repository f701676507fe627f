/**
 * Postings of a run of sparse vectors, in one region of the index's memory; drawn in the kernels' sparse.ts.
 *
 *   region:  [ head ][ starts: T + 1 u32 ][ blocks: E u32 ][ posts: E + 1 u32 ][ largest: E f32 ]
 *            [ values: P f32 ][ places: P u8 ]
 *
 * The terms (T u32, rising) stay outside, where the host looks a query's terms up.
 */
import { hasBit } from "../../runtime/bits.js";
import type { VicinalError } from "../../runtime/errors.js";
import type { Kernels } from "../../runtime/kernels.js";
import type { Arena } from "../../runtime/memory.js";
import type { LoadedIndex } from "../contract.js";
import { readSections } from "../saved-meta.js";
import type { SparseRows } from "./sparse-rows.js";
import { TermCounts } from "./term-counts.js";

/** Vectors of a block: a place in it takes a byte. */
export const BLOCK = 256;
/** Elements handled between two breaths of a build. */
const STEP_ELEMENTS = 1 << 16;

export interface Place {
  arena: Arena;
  kernels: Kernels;
}

/** How much there is of everything. */
interface Sizes {
  terms: number;
  entries: number;
  posts: number;
}

type Part = "starts" | "blocks" | "posts" | "largest" | "values" | "places";

function partBytes({ terms, entries, posts }: Sizes): Record<Part, number> {
  return {
    starts: (terms + 1) * 4,
    blocks: entries * 4,
    posts: (entries + 1) * 4,
    largest: entries * 4,
    values: posts * 4,
    places: posts,
  };
}

export class Postings {
  /** Ordinals first..first + count - 1; `first` is a multiple of BLOCK. */
  readonly first: number;
  readonly count: number;
  readonly head: number;
  readonly bytes: number;
  readonly #terms: Uint32Array;
  readonly arena: Arena;
  /** Addresses of the parts. */
  readonly layout: Readonly<Record<Part, number>>;
  readonly sizes: Readonly<Sizes>;

  private constructor(place: Place, first: number, count: number, terms: Uint32Array, sizes: Sizes) {
    const { arena, kernels } = place;
    this.arena = arena;
    this.first = first;
    this.count = count;
    this.#terms = terms;
    this.sizes = sizes;
    const headBytes = Math.ceil(kernels.sparseBytes() / 16) * 16;
    const lengths = partBytes(sizes);
    this.bytes = headBytes + Object.values(lengths).reduce((sum, length) => sum + length, 0);
    this.head = arena.allocate(this.bytes);
    let at = this.head + headBytes;
    const next = (length: number) => {
      at += length;
      return at - length;
    };
    const starts = next(lengths.starts);
    const blocks = next(lengths.blocks);
    const posts = next(lengths.posts);
    const largest = next(lengths.largest);
    const values = next(lengths.values);
    const places = next(lengths.places);
    this.layout = { starts, blocks, posts, largest, values, places };
    kernels.initSparse(this.head, first, count, starts, blocks, posts, largest, places, values);
  }

  /** Builds the postings of vectors first..first + count - 1, in steps; an unfinished build leaves nothing behind. */
  static *build(place: Place, rows: SparseRows, first: number, count: number): Generator<number, Postings> {
    const { starts, terms: given, values } = rows.view();
    const begin = starts[first];
    const numbers = new Uint32Array(starts[first + count] - begin);
    const dictionary = new TermCounts();
    let breath = 0;
    for (let i = 0; i < count; i++) {
      const from = starts[first + i];
      const to = starts[first + i + 1];
      dictionary.add(given, from, to, i >>> 8, numbers, from - begin);
      breath += to - from;
      if (breath >= STEP_ELEMENTS) {
        breath = 0;
        yield i / 2;
      }
    }
    const { terms, ranks, posts, entries } = dictionary.finish();
    const sizes = {
      terms: terms.length,
      entries: entries.reduce((sum, n) => sum + n, 0),
      posts: posts.reduce((sum, n) => sum + n, 0),
    };
    const made = new Postings(place, first, count, terms, sizes);
    let done = false;
    try {
      const fill = new Filling(made, ranks, entries, posts);
      for (let i = 0; i < count; i++) {
        const from = starts[first + i];
        const to = starts[first + i + 1];
        fill.add(i, numbers.subarray(from - begin, to - begin), values.subarray(from, to));
        breath += to - from;
        if (breath >= STEP_ELEMENTS) {
          breath = 0;
          yield (count + i) / 2;
        }
      }
      done = true;
      return made;
    } finally {
      if (!done) made.release();
    }
  }

  /** What a file holds of the postings: the regions as they lie, and the terms. */
  sections(): { name: string; bytes: Uint8Array }[] {
    const { u8 } = this.arena;
    const parts = Object.entries(this.layout).map(([name, at]) => ({
      name,
      bytes: u8.subarray(at, at + partBytes(this.sizes)[name as Part]),
    }));
    return [
      { name: "terms", bytes: new Uint8Array(this.#terms.buffer, 0, this.#terms.byteLength) },
      ...parts,
    ];
  }

  /** Reads back what `sections` gave, of vectors 0..count - 1; what does not hold together is `damaged`. */
  static async load(
    place: Place,
    count: number,
    saved: LoadedIndex,
    damaged: (what: string) => VicinalError,
  ): Promise<Postings> {
    const terms = new Uint32Array(saved.length("terms") / 4);
    const sizes = {
      terms: terms.length,
      entries: saved.length("blocks") / 4,
      posts: saved.length("places"),
    };
    const made = new Postings(place, 0, count, terms, sizes);
    try {
      await readSections(saved, made.sections(), damaged);
      made.#check(damaged);
      return made;
    } catch (reason) {
      made.release();
      throw reason;
    }
  }

  /** The kernel follows these numbers blindly. */
  #check(damaged: (what: string) => VicinalError): void {
    const { u32 } = this.arena;
    const { terms, entries, posts } = this.sizes;
    const starts = u32.subarray(this.layout.starts >>> 2, (this.layout.starts >>> 2) + terms + 1);
    const ends = u32.subarray(this.layout.posts >>> 2, (this.layout.posts >>> 2) + entries + 1);
    const blocks = u32.subarray(this.layout.blocks >>> 2, (this.layout.blocks >>> 2) + entries);
    if (starts[0] !== 0 || starts[terms] !== entries || ends[0] !== 0 || ends[entries] !== posts)
      throw damaged("the postings' ends do not fit");
    for (let rank = 0; rank < terms; rank++) {
      if (rank > 0 && this.#terms[rank] <= this.#terms[rank - 1]) throw damaged("terms do not rise");
      if (starts[rank + 1] < starts[rank]) throw damaged("a term's entries do not rise");
      for (let entry = starts[rank]; entry < starts[rank + 1]; entry++) {
        const rises = entry === starts[rank] || blocks[entry] > blocks[entry - 1];
        if (!rises || blocks[entry] >= this.blocks || ends[entry + 1] < ends[entry])
          throw damaged("a term's blocks do not rise");
      }
    }
  }

  /** Number of a term among those that occur, or -1. */
  rank(term: number): number {
    const terms = this.#terms;
    let low = 0;
    let high = terms.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (terms[middle] < term) low = middle + 1;
      else high = middle;
    }
    return low < terms.length && terms[low] === term ? low : -1;
  }

  /** Blocks in which the term of that rank occurs. */
  entriesOf(rank: number): number {
    const { u32 } = this.arena;
    const at = (this.layout.starts >>> 2) + rank;
    return u32[at + 1] - u32[at];
  }

  /** Vectors in which the term of that rank occurs, of all or of those whose bits are set. */
  frequency(rank: number, bits?: Uint32Array): number {
    const { u32, u8 } = this.arena;
    const { blocks, places } = this.layout;
    const at = (this.layout.starts >>> 2) + rank;
    const posts = this.layout.posts >>> 2;
    if (!bits) return u32[posts + u32[at + 1]] - u32[posts + u32[at]];
    let count = 0;
    for (let entry = u32[at]; entry < u32[at + 1]; entry++) {
      const first = this.first + u32[(blocks >>> 2) + entry] * BLOCK;
      for (let post = u32[posts + entry]; post < u32[posts + entry + 1]; post++)
        if (hasBit(bits, first + u8[places + post])) count++;
    }
    return count;
  }

  get blocks(): number {
    return Math.ceil(this.count / BLOCK);
  }

  memoryBytes(): number {
    return this.bytes + this.#terms.byteLength;
  }

  release(): void {
    this.arena.release(this.head);
  }
}

/** Puts postings in their places; vectors come in order, so that those of a term do, too. */
class Filling {
  readonly #made: Postings;
  readonly #ranks: Uint32Array;
  /** The term's last entry; one before its first at the beginning. */
  readonly #entry: Int32Array;
  readonly #post: Uint32Array;
  /** Block of the term's last posting. */
  readonly #block: Int32Array;

  constructor(made: Postings, ranks: Uint32Array, entries: Uint32Array, posts: Uint32Array) {
    this.#made = made;
    this.#ranks = ranks;
    const { u32 } = made.arena;
    const { starts, posts: postsAt } = made.layout;
    const { terms, entries: entryCount } = made.sizes;
    this.#entry = new Int32Array(terms);
    this.#post = new Uint32Array(terms);
    let entry = 0;
    let post = 0;
    for (let rank = 0; rank < terms; rank++) {
      u32[(starts >>> 2) + rank] = entry;
      this.#entry[rank] = entry - 1;
      this.#post[rank] = post;
      entry += entries[rank];
      post += posts[rank];
    }
    u32[(starts >>> 2) + terms] = entry;
    u32[(postsAt >>> 2) + entryCount] = post;
    this.#block = new Int32Array(terms).fill(-1);
  }

  /** The elements of vector `index`: the numbers of their terms, and their values. */
  add(index: number, numbers: Uint32Array, values: Float32Array): void {
    const { arena, layout } = this.#made;
    // Not kept from call to call: whoever else allocates may move the memory.
    const { u8, u32, f32 } = arena;
    const blocksAt = layout.blocks >>> 2;
    const postsAt = layout.posts >>> 2;
    const largestAt = layout.largest >>> 2;
    const valuesAt = layout.values >>> 2;
    const ranks = this.#ranks;
    const nextPost = this.#post;
    const lastEntry = this.#entry;
    const lastBlock = this.#block;
    const block = index >>> 8;
    for (let i = 0; i < numbers.length; i++) {
      const rank = ranks[numbers[i]];
      const post = nextPost[rank]++;
      const value = values[i];
      if (lastBlock[rank] !== block) {
        lastBlock[rank] = block;
        const entry = ++lastEntry[rank];
        u32[blocksAt + entry] = block;
        u32[postsAt + entry] = post;
        f32[largestAt + entry] = 0;
      }
      const largest = largestAt + lastEntry[rank];
      if (Math.abs(value) > f32[largest]) f32[largest] = Math.abs(value);
      f32[valuesAt + post] = value;
      u8[layout.places + post] = index & (BLOCK - 1);
    }
  }
}
