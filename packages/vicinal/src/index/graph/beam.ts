/** Beam: the nearest nodes that a walk has seen, in order of distance, and which of them it has gone on from. */
export class Beam {
  readonly nodes: Uint32Array;
  readonly distances: Float64Array;
  readonly #taken: Uint8Array;
  /** All nodes before this place are taken. */
  #next = 0;
  size = 0;
  /** Whether a node did not fit. */
  dropped = false;

  /** @param limit Nodes that it holds at most. */
  constructor(limit: number) {
    this.nodes = new Uint32Array(limit);
    this.distances = new Float64Array(limit);
    this.#taken = new Uint8Array(limit);
  }

  get isFull(): boolean {
    return this.size === this.nodes.length;
  }

  /** The greatest distance. */
  get worst(): number {
    return this.distances[this.size - 1];
  }

  /** Of equal distances the smaller node comes first. */
  add(node: number, distance: number): void {
    const { nodes, distances } = this;
    let low = 0;
    for (let high = this.size; low < high; ) {
      const middle = (low + high) >>> 1;
      const isBefore =
        distances[middle] < distance || (distances[middle] === distance && nodes[middle] < node);
      if (isBefore) low = middle + 1;
      else high = middle;
    }
    if (this.isFull) {
      this.dropped = true;
      if (low === this.size) return;
    } else this.size++;
    for (const array of [nodes, distances, this.#taken]) array.copyWithin(low + 1, low, this.size - 1);
    nodes[low] = node;
    distances[low] = distance;
    this.#taken[low] = 0;
    if (low < this.#next) this.#next = low;
  }

  /** Place of the nearest node that is not taken; -1 where there is none. */
  next(): number {
    while (this.#next < this.size && this.#taken[this.#next] === 1) this.#next++;
    return this.#next < this.size ? this.#next : -1;
  }

  /** Takes the node at a place. */
  take(place: number): number {
    this.#taken[place] = 1;
    return this.nodes[place];
  }
}
