/** LiveLabels: which of the labels given so far may be answered. */
import { andBits, countBits, notBits, orBits } from "../runtime/bits.js";
import { labelBits } from "./arguments.js";

export class LiveLabels {
  #removed: Uint32Array | undefined;
  #count = 0;

  /** `removed`: bits of labels that are gone. */
  constructor(removed?: Uint32Array) {
    this.#removed = removed;
    this.#count = removed ? countBits(removed) : 0;
  }

  /** Bits of removed labels; undefined while there is none. */
  get removed(): Uint32Array | undefined {
    return this.#removed;
  }

  get removedCount(): number {
    return this.#count;
  }

  /** Takes labels below `given` out; returns how many of them were in. */
  remove(labels: Iterable<number>, given: number): number {
    const bits = labelBits("labels", labels, given);
    if (this.#removed) orBits(bits, widened(this.#removed, given));
    const before = this.#count;
    this.#removed = bits;
    this.#count = countBits(bits);
    return this.#count - before;
  }

  /** Bits of the labels below `given` that may be answered; undefined: all. */
  allowed(among: Iterable<number> | undefined, given: number): Uint32Array | undefined {
    const live = this.#count > 0 ? notBits(widened(this.#removed!, given), given) : undefined;
    if (among === undefined) return live;
    const bits = labelBits("among", among, given);
    if (live) andBits(bits, live);
    return bits;
  }
}

function widened(bits: Uint32Array, count: number): Uint32Array {
  const result = new Uint32Array((count + 31) >>> 5);
  result.set(bits);
  return result;
}
