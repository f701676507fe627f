/**
 * Minimum spanning forest of a neighbour graph and its single linkage hierarchy: Kruskal (1956).
 *
 * The idea: walk the edges from the shortest to the longest; an edge between two components joins them, and
 * each join is a node of the hierarchy, as high as the edge is long; what no edge joins is joined at infinity.
 * Parameters: none. The sort is by the bits of the weights (for floats >= 0 their order is that of the
 * integers), three passes of 11 bits: linear, and stable, so the answer does not depend on the engine's sort.
 * Cost: O(n k) for the sort, nearly that for the joins; 12 bytes an edge, 16 a vector.
 */
import { inSlices } from "./slices.js";
import type { Breath, Neighbours } from "./types.js";
import { UnionFind } from "./union-find.js";

/** A binary tree over leaves 0..count - 1; inner node count + i is the i-th join, the root the last one. */
export interface Hierarchy {
  readonly count: number;
  /** count - 1 nodes each (none for fewer than two leaves). */
  readonly left: Uint32Array;
  readonly right: Uint32Array;
  /** How far apart the two parts are, growing with i; Infinity where the graph does not connect them. */
  readonly heights: Float32Array;
  /** How many leaves are below the node. */
  readonly sizes: Uint32Array;
}

const DIGIT = 11;
const BUCKETS = 1 << DIGIT;

/**
 * The places 0..weights.length - 1 of all finite weights, the lightest first. Weights are at least +0;
 * Infinity and NaN are left out. Breathes with shares `start`..`end`.
 */
async function orderByWeight(weights: Float32Array, breath: Breath, start: number, end: number) {
  const bits = new Uint32Array(weights.buffer, weights.byteOffset, weights.length);
  let order = new Uint32Array(weights.length);
  let kept = 0;
  const keep = (first: number, last: number) => {
    for (let i = first; i < last; i++) if (weights[i] < Number.POSITIVE_INFINITY) order[kept++] = i;
  };
  const part = (end - start) / 7;
  await inSlices(weights.length, keep, breath, start, start + part);
  order = order.subarray(0, kept);
  let other = new Uint32Array(kept);
  for (let pass = 0; pass < 3; pass++) {
    const shift = pass * DIGIT;
    const places = new Uint32Array(BUCKETS + 1);
    const [from, to] = [order, other];
    const tally = (first: number, last: number) => {
      for (let i = first; i < last; i++) places[((bits[from[i]] >>> shift) & (BUCKETS - 1)) + 1]++;
    };
    const begun = start + (1 + 2 * pass) * part;
    await inSlices(kept, tally, breath, begun, begun + part);
    for (let b = 0; b < BUCKETS; b++) places[b + 1] += places[b];
    const scatter = (first: number, last: number) => {
      for (let i = first; i < last; i++) {
        const edge = from[i];
        to[places[(bits[edge] >>> shift) & (BUCKETS - 1)]++] = edge;
      }
    };
    await inSlices(kept, scatter, breath, begun + part, begun + 2 * part);
    [order, other] = [other, order];
  }
  return order;
}

/**
 * The hierarchy of the forest over the edges of `neighbours`, `weights[place]` (at least +0) being the length of
 * the edge from vector floor(place / k) to `numbers[place]`, Infinity for no edge. An edge may be there twice.
 */
export async function spanningHierarchy(
  neighbours: Neighbours,
  weights: Float32Array,
  breath: Breath,
  start: number,
  end: number,
): Promise<Hierarchy> {
  const { count, k, numbers } = neighbours;
  const joins = Math.max(0, count - 1);
  const left = new Uint32Array(joins);
  const right = new Uint32Array(joins);
  const heights = new Float32Array(joins);
  const sizes = new Uint32Array(joins);
  const sets = new UnionFind(count);
  /** Of the root of a set: its node in the hierarchy. */
  const nodes = new Uint32Array(count);
  for (let i = 0; i < count; i++) nodes[i] = i;
  let next = 0;
  const join = (i: number, j: number, height: number) => {
    const a = sets.find(i);
    const b = sets.find(j);
    if (a === b) return;
    left[next] = nodes[a];
    right[next] = nodes[b];
    heights[next] = height;
    const root = sets.join(a, b);
    sizes[next] = sets.sizes[root];
    nodes[root] = count + next++;
  };
  const half = (start + end) / 2;
  const order = await orderByWeight(weights, breath, start, half);
  const walk = (from: number, to: number) => {
    for (let i = from; i < to && next < joins; i++) {
      const place = order[i];
      join(Math.floor(place / k), numbers[place], weights[place]);
    }
  };
  await inSlices(order.length, walk, breath, half, end);
  for (let i = 1; i < count; i++) join(0, i, Number.POSITIVE_INFINITY);
  return { count, left, right, heights, sizes };
}
