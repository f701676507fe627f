/** Disjoint sets over 0..count - 1 in typed arrays: union by size, path halving (Tarjan and van Leeuwen 1984). */
export class UnionFind {
  /** Of a root: how many its set has. */
  readonly sizes: Uint32Array;
  private readonly parents: Uint32Array;

  constructor(readonly count: number) {
    this.parents = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.parents[i] = i;
    this.sizes = new Uint32Array(count).fill(1);
  }

  /** The root of the set that holds `i`. */
  find(i: number): number {
    const parents = this.parents;
    let at = i;
    while (parents[at] !== at) {
      parents[at] = parents[parents[at]];
      at = parents[at];
    }
    return at;
  }

  /** Joins the sets of two different roots; answers the root of the joint set. */
  join(a: number, b: number): number {
    const [root, child] = this.sizes[a] >= this.sizes[b] ? [a, b] : [b, a];
    this.parents[child] = root;
    this.sizes[root] += this.sizes[child];
    return root;
  }

  /** Joins the sets of two items, be they the same set or not. */
  union(i: number, j: number): void {
    const a = this.find(i);
    const b = this.find(j);
    if (a !== b) this.join(a, b);
  }
}
