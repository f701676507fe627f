/** The k first of many items by a total order, kept while they come in: room for 2 k, about n + k log k comparisons. */

/** Kept beside the k first before they are sorted out. */
const SLACK = 1024;

export class Best<T> {
  readonly #limit: number;
  readonly #compare: (a: T, b: T) => number;
  readonly #items: T[] = [];
  /** What comes after this one is not among the first. Undefined while that is not known of any. */
  last: T | undefined;

  constructor(limit: number, compare: (a: T, b: T) => number) {
    this.#limit = limit;
    this.#compare = compare;
  }

  add(item: T): void {
    if (this.#items.push(item) >= 2 * this.#limit + SLACK) this.#trim();
  }

  sorted(): T[] {
    this.#trim();
    return this.#items;
  }

  #trim(): void {
    this.#items.sort(this.#compare);
    if (this.#items.length <= this.#limit) return;
    this.#items.length = this.#limit;
    this.last = this.#items.at(-1);
  }
}
