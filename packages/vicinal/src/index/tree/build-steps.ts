/**
 * Builds a tree, node by node from the root, level after level, so that siblings lie one after the other. One step per
 * node: the same on a worker and, with breaths, on the calling thread. Nothing is allocated in the store's memory.
 */
import type { VectorStore } from "../vector-store.js";
import { geometryOf, type SplitRule, splitRows, type TreeWork } from "./split.js";
import {
  type BuiltTree,
  CHILDREN,
  FIRST,
  LENGTH,
  NODE_WORDS,
  NORM,
  RADIUS,
  REACH,
  SPREAD,
  START,
} from "./tree-memory.js";

export interface TreeJob {
  rule: SplitRule;
  work: TreeWork;
  /** Rows of `work.list`, which the caller filled with ordinals. */
  count: number;
  seed: number;
}

/** Yields the number of rows that lie in leaves. */
export function* growSteps(store: VectorStore, job: TreeJob): Generator<number, BuiltTree> {
  const { rule, work, count } = job;
  const { dimensions } = store;
  const tree = new GrowingTree(dimensions);
  let placed = 0;
  if (count > 0) tree.add(0, count);
  for (let node = 0; node < tree.length; node++) {
    const { start, length } = tree.range(node);
    describe(store, work, tree, node);
    if (length <= rule.leafSize) placed += length;
    else {
      let from = start;
      const splitting = splitRows(store, rule, work, start, length, job.seed + node);
      let step = splitting.next();
      for (; !step.done; step = splitting.next()) yield placed;
      const parts = step.value;
      tree.setChildren(node, tree.length, parts.length);
      for (const part of parts) {
        tree.add(from, part);
        from += part;
      }
    }
    yield placed;
  }
  const order = store.arena.u32.slice(work.list >>> 2, (work.list >>> 2) + count);
  return { ...tree.finish(), order };
}

/** Pivot (the mean of the node's rows), radius, spread, norm and reach. */
function describe(store: VectorStore, work: TreeWork, tree: GrowingTree, node: number): void {
  const { arena, kernels, dimensions, rows } = store;
  const { start, length } = tree.range(node);
  const { u32, f32 } = arena;
  const ordinals = u32.subarray((work.list >>> 2) + start, (work.list >>> 2) + start + length);
  const sums = new Float64Array(dimensions);
  let reach = 0;
  for (let i = 0; i < length; i++) {
    const at = (rows >>> 2) + ordinals[i] * dimensions;
    let squares = 0;
    for (let j = 0; j < dimensions; j++) {
      const x = f32[at + j];
      sums[j] += x;
      squares += x * x;
    }
    reach = Math.max(reach, squares);
  }
  let norm = 0;
  for (let j = 0; j < dimensions; j++) {
    const x = Math.fround(sums[j] / length);
    f32[(work.pivot >>> 2) + j] = x;
    norm += x * x;
  }
  const geometry = geometryOf(store);
  kernels.scoreList(geometry, work.pivot, rows, dimensions, work.list + start * 4, length, work.distances);
  let farthest = 0;
  let total = 0;
  for (let i = 0; i < length; i++) {
    const distance = f32[(work.distances >>> 2) + i];
    farthest = Math.max(farthest, distance);
    total += distance;
  }
  const radius = geometry === 0 ? Math.sqrt(farthest) : farthest;
  const pivot = f32.subarray(work.pivot >>> 2, (work.pivot >>> 2) + dimensions);
  tree.describe(node, pivot, radius, total / length, norm, Math.sqrt(reach));
}

/** A tree in ordinary memory that grows with its nodes. */
class GrowingTree {
  length = 0;
  readonly #dimensions: number;
  #nodes = new Uint32Array(64 * NODE_WORDS);
  #floats = new Float32Array(this.#nodes.buffer);
  #pivots: Float32Array;

  constructor(dimensions: number) {
    this.#dimensions = dimensions;
    this.#pivots = new Float32Array(64 * dimensions);
  }

  add(start: number, length: number): void {
    const node = this.length++;
    if (this.length * NODE_WORDS > this.#nodes.length) {
      const nodes = new Uint32Array(this.#nodes.length * 2);
      nodes.set(this.#nodes);
      this.#nodes = nodes;
      this.#floats = new Float32Array(nodes.buffer);
      const pivots = new Float32Array(this.#pivots.length * 2);
      pivots.set(this.#pivots);
      this.#pivots = pivots;
    }
    this.#nodes[node * NODE_WORDS + START] = start;
    this.#nodes[node * NODE_WORDS + LENGTH] = length;
  }

  range(node: number): { start: number; length: number } {
    const at = node * NODE_WORDS;
    return { start: this.#nodes[at + START], length: this.#nodes[at + LENGTH] };
  }

  setChildren(node: number, first: number, count: number): void {
    this.#nodes[node * NODE_WORDS + FIRST] = first;
    this.#nodes[node * NODE_WORDS + CHILDREN] = count;
  }

  describe(
    node: number,
    pivot: Float32Array,
    radius: number,
    spread: number,
    norm: number,
    reach: number,
  ): void {
    this.#pivots.set(pivot, node * this.#dimensions);
    const at = node * NODE_WORDS;
    this.#floats[at + RADIUS] = radius;
    this.#floats[at + SPREAD] = spread;
    this.#floats[at + NORM] = norm;
    this.#floats[at + REACH] = reach;
  }

  finish(): { nodes: Uint32Array; pivots: Float32Array } {
    return {
      nodes: this.#nodes.slice(0, this.length * NODE_WORDS),
      pivots: this.#pivots.slice(0, this.length * this.#dimensions),
    };
  }
}
