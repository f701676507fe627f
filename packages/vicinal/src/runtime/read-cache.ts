/**
 * ReadCache: pieces of files that were read lately, the least recently used going first once they exceed a bound.
 * Several readers share one, each under an owner's number of its own, so that one bound holds for them all.
 */
export class ReadCache {
  /** In order of use, the least recent first. */
  readonly #pieces = new Map<number, Uint8Array>();
  readonly #limitBytes: number;
  #bytes = 0;
  #owners = 0;

  /** @param limitBytes 0 keeps nothing. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes that are kept at the moment. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A number for one more reader. */
  newOwner(): number {
    return this.#owners++;
  }

  get(owner: number, piece: number): Uint8Array | undefined {
    const key = keyOf(owner, piece);
    const bytes = this.#pieces.get(key);
    if (bytes) {
      this.#pieces.delete(key);
      this.#pieces.set(key, bytes);
    }
    return bytes;
  }

  /** Keeps a copy of the piece, unless it would take more than a quarter of all. */
  put(owner: number, piece: number, bytes: Uint8Array): void {
    if (bytes.length * 4 > this.#limitBytes) return;
    const key = keyOf(owner, piece);
    if (this.#pieces.has(key)) return;
    this.#pieces.set(key, bytes.slice());
    this.#bytes += bytes.length;
    for (const [eldest, old] of this.#pieces) {
      if (this.#bytes <= this.#limitBytes) break;
      this.#pieces.delete(eldest);
      this.#bytes -= old.length;
    }
  }

  /** Forgets the pieces of a reader that is done. */
  drop(owner: number): void {
    for (const [key, bytes] of this.#pieces) {
      if (Math.floor(key / 2 ** 32) !== owner) continue;
      this.#pieces.delete(key);
      this.#bytes -= bytes.length;
    }
  }
}

/** Exact for 2^21 owners of 2^32 pieces. */
const keyOf = (owner: number, piece: number) => owner * 2 ** 32 + piece;
