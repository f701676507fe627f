/** Which terms a run of sparse vectors has, and how often: counted before postings are laid out. */

/** Counts, per term, its postings and the blocks that it occurs in: an open-addressing table of typed arrays. */
export class TermCounts {
  #mask = 1023;
  #slots = new Int32Array(1024).fill(-1);
  #terms = new Uint32Array(512);
  #posts = new Uint32Array(512);
  #entries = new Uint32Array(512);
  #lastBlock = new Int32Array(512).fill(-1);
  #count = 0;

  /** Counts terms from..to - 1 of a vector of that block, and notes the number of each, in the order of first sight, from `at` on. */
  add(terms: Uint32Array, from: number, to: number, block: number, numbers: Uint32Array, at: number): void {
    for (let i = from; i < to; i++) {
      const id = this.#numberOf(terms[i]);
      numbers[at + i - from] = id;
      this.#posts[id]++;
      if (this.#lastBlock[id] !== block) {
        this.#lastBlock[id] = block;
        this.#entries[id]++;
      }
    }
  }

  #numberOf(term: number): number {
    let slot = this.#slotOf(term);
    const known = this.#slots[slot];
    if (known >= 0) return known;
    if (this.#count === this.#terms.length) {
      this.#double();
      slot = this.#slotOf(term);
    }
    const id = this.#count++;
    this.#slots[slot] = id;
    this.#terms[id] = term;
    return id;
  }

  #slotOf(term: number): number {
    let slot = (Math.imul(term, 0x9e3779b1) >>> 7) & this.#mask;
    for (let id = this.#slots[slot]; id >= 0 && this.#terms[id] !== term; id = this.#slots[slot])
      slot = (slot + 1) & this.#mask;
    return slot;
  }

  #double(): void {
    const size = this.#terms.length * 2;
    const wider = <T extends Uint32Array | Int32Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.#terms = wider(this.#terms, new Uint32Array(size));
    this.#posts = wider(this.#posts, new Uint32Array(size));
    this.#entries = wider(this.#entries, new Uint32Array(size));
    this.#lastBlock = wider(this.#lastBlock, new Int32Array(size).fill(-1));
    this.#mask = size * 2 - 1;
    this.#slots = new Int32Array(size * 2).fill(-1);
    for (let id = 0; id < this.#count; id++) this.#slots[this.#slotOf(this.#terms[id])] = id;
  }

  /** The terms in rising order, with their counts; `ranks`: the place in that order of each number. */
  finish(): {
    terms: Uint32Array;
    posts: Uint32Array;
    entries: Uint32Array;
    ranks: Uint32Array;
  } {
    const terms = this.#terms.slice(0, this.#count).sort();
    const ranks = new Uint32Array(this.#count);
    const posts = new Uint32Array(this.#count);
    const entries = new Uint32Array(this.#count);
    terms.forEach((term, rank) => {
      const id = this.#slots[this.#slotOf(term)];
      ranks[id] = rank;
      posts[rank] = this.#posts[id];
      entries[rank] = this.#entries[id];
    });
    return { terms, posts, entries, ranks };
  }
}
