// The k nearest neighbours of every node, approximately.
//
// Method: NN-Descent (Dong, Charikar, Li 2011): a neighbour of a neighbour is likely to be a neighbour. Every node starts
// with random neighbours; in each round, a sample of its new neighbours and of the nodes that have it as one is
// compared with each other and with a sample of the old ones, and what is nearer than a list's worst takes its place.
// A neighbour is new until it was sampled once. Rounds end when few entries change.
//
//   lists     per node: k keys, rising, ALL_ONES at the end if there are fewer
//   samples   per node: offered: 4 u32, then 4 x `sample` u32: new, new by others, old, old by others
//
//   key of a neighbour:  [ distance, monotone : 32 ][ node : 31 ][ sampled : 1 ]
//
// Parameters: k and `sample` (a round compares up to 2 x sample new nodes with 4 x sample others, per node).
// Deviations: of a list's own entries the nearest are sampled, not random ones; by others a reservoir is kept. Node order
// and one generator of random words make it deterministic.
// Cost: a round takes 6 sample^2 distances per node at most; memory 8 k + 16 (sample + 1) bytes per node.

import { Graph, Slot } from "./graph";
import { monotone } from "./keys";
import { keyAt, nodeOf, setKey } from "./walk";

const ALL_ONES: u64 = 0xffffffffffffffff;

const FRESH: u32 = 0;
const FRESH_BACK: u32 = 1;
const OLD: u32 = 2;
const OLD_BACK: u32 = 3;
const KINDS: u32 = 4;

@final @unmanaged
export class NnDescent {
  graph: Graph;
  /** u32 each: the nodes that take part. */
  nodes: usize;
  count: u32;
  k: u32;
  lists: usize;
  sample: u32;
  samples: usize;
  /** State of the generator of random words. */
  random: u32;

  @inline node(i: u32): u32 {
    return load<u32>(this.nodes + (<usize>i << 2));
  }

  @inline list(node: u32): usize {
    return this.lists + <usize>node * (<usize>this.k << 3);
  }

  /** A node's samples of a kind, and how many were offered. */
  @inline sampled(node: u32, kind: u32): usize {
    return this.offered(node, 0) + ((<usize>KINDS + <usize>kind * <usize>this.sample) << 2);
  }
  @inline offered(node: u32, kind: u32): usize {
    return this.samples + <usize>node * sampleBytes(this.sample) + (<usize>kind << 2);
  }

  /** mulberry32, as runtime/random.ts has it. */
  word(): u32 {
    this.random += 0x6d2b79f5;
    let word = (this.random ^ (this.random >> 15)) * (1 | this.random);
    word = (word + (word ^ (word >> 7)) * (61 | word)) ^ word;
    return word ^ (word >> 14);
  }

  /** A random number below `bound`. */
  below(bound: u32): u32 {
    return <u32>((<u64>this.word() * <u64>bound) >> 32);
  }
}

// @ts-ignore: decorator
@inline
function sampleBytes(sample: u32): usize {
  return (<usize>KINDS + <usize>KINDS * <usize>sample) << 2;
}

export function nnBytes(): usize {
  return offsetof<NnDescent>();
}

/** Bytes per node of the region `samples`. */
export function nnSampleBytes(sample: u32): usize {
  return sampleBytes(sample);
}

export function initNn(
  at: usize, graph: Graph, nodes: usize, count: u32, k: u32, lists: usize, sample: u32, samples: usize, seed: u32,
): void {
  const n = changetype<NnDescent>(at);
  n.graph = graph;
  n.nodes = nodes;
  n.count = count;
  n.k = k;
  n.lists = lists;
  n.sample = sample;
  n.samples = samples;
  n.random = seed;
}

/** First place of a key that is not smaller. */
// @ts-ignore: decorator
@inline
function placeOf(list: usize, length: u32, key: u64): u32 {
  let low: u32 = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyAt(list, middle) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Takes a key into a list of k, unless it is there or too far; returns 1 if it did. */
// @ts-ignore: decorator
@inline
function take(list: usize, k: u32, key: u64): u32 {
  if (key >= keyAt(list, k - 1)) return 0;
  const place = placeOf(list, k, key);
  if ((keyAt(list, place) & ~1) == key) return 0;
  const at = list + (<usize>place << 3);
  memory.copy(at + 8, at, <usize>(k - 1 - place) << 3);
  store<u64>(at, key);
  return 1;
}

/** Random neighbours for the nodes at places from..to-1. */
export function fillRandom<S>(n: NnDescent, s: Slot, from: u32, to: u32): void {
  const scorer = changetype<S>(0);
  const g = n.graph;
  const wanted = min(n.k, n.count - 1);
  for (let i = from; i < to; i++) {
    const node = n.node(i);
    const list = n.list(node);
    memory.fill(list, 0xff, <usize>n.k << 3);
    if (!wanted) continue;
    // What is drawn twice is taken once: a list may start with fewer.
    let length: u32 = 0;
    if (wanted == n.count - 1) {
      for (let j: u32 = 0; j < n.count; j++) {
        if (j == i) continue;
        store<u32>(s.gathered + (<usize>(length++) << 2), n.node(j));
      }
    } else {
      for (let j: u32 = 0; j < wanted; j++) {
        const other = n.node(n.below(n.count));
        if (other != node) store<u32>(s.gathered + (<usize>(length++) << 2), other);
      }
    }
    if (!length) continue;
    const last = load<u32>(s.gathered + ((<usize>length - 1) << 2));
    for (let j: u32 = 0; j < 3; j++) store<u32>(s.gathered + ((<usize>(length + j)) << 2), last);
    scorer.loadNode(g, s, node);
    for (let j: u32 = 0; j < length; j += 4) {
      const at = s.gathered + (<usize>j << 2);
      const a = load<u32>(at);
      const b = load<u32>(at, 4);
      const c = load<u32>(at, 8);
      const d = load<u32>(at, 12);
      const images = monotone(scorer.score4(g, s, a, b, c, d));
      take(list, n.k, ((<u64>(<u32>i32x4.extract_lane(images, 0))) << 32) | (a << 1));
      take(list, n.k, ((<u64>(<u32>i32x4.extract_lane(images, 1))) << 32) | (b << 1));
      take(list, n.k, ((<u64>(<u32>i32x4.extract_lane(images, 2))) << 32) | (c << 1));
      take(list, n.k, ((<u64>(<u32>i32x4.extract_lane(images, 3))) << 32) | (d << 1));
    }
  }
}

/** Forgets the samples of nodes at places from..to-1. */
export function nnClear(n: NnDescent, from: u32, to: u32): void {
  for (let i = from; i < to; i++) memory.fill(n.offered(n.node(i), 0), 0, KINDS << 2);
}

/** Samples the lists of nodes at places from..to-1. */
export function nnSample(n: NnDescent, from: u32, to: u32): void {
  for (let i = from; i < to; i++) {
    const node = n.node(i);
    const list = n.list(node);
    const fresh = n.sampled(node, FRESH);
    const old = n.sampled(node, OLD);
    let freshCount: u32 = 0;
    let oldCount: u32 = 0;
    for (let j: u32 = 0; j < n.k; j++) {
      const key = keyAt(list, j);
      if (key == ALL_ONES) break;
      if (key & 1) {
        if (oldCount < n.sample) store<u32>(old + (<usize>(oldCount++) << 2), nodeOf(key));
      } else if (freshCount < n.sample) {
        store<u32>(fresh + (<usize>(freshCount++) << 2), nodeOf(key));
        setKey(list, j, key | 1);
      }
    }
    store<u32>(n.offered(node, FRESH), freshCount);
    store<u32>(n.offered(node, OLD), oldCount);
  }
}

/** Keeps `other` in a reservoir of a node's samples. */
function offerSample(n: NnDescent, node: u32, kind: u32, other: u32): void {
  const counter = n.offered(node, kind);
  const before = load<u32>(counter);
  store<u32>(counter, before + 1);
  const place = before < n.sample ? before : n.below(before + 1);
  if (place < n.sample) store<u32>(n.sampled(node, kind) + (<usize>place << 2), other);
}

/** Tells the samples of nodes at places from..to-1 by whom they were sampled. */
export function nnOffer(n: NnDescent, from: u32, to: u32): void {
  for (let i = from; i < to; i++) {
    const node = n.node(i);
    for (let kind = FRESH; kind <= OLD; kind += OLD - FRESH) {
      const list = n.sampled(node, kind);
      const length = load<u32>(n.offered(node, kind));
      for (let j: u32 = 0; j < length; j++) offerSample(n, load<u32>(list + (<usize>j << 2)), kind + 1, node);
    }
  }
}

/** Adds a node's samples of a kind to those gathered, without repetition; returns how many there are then. */
function gather(n: NnDescent, s: Slot, node: u32, kind: u32, length: u32): u32 {
  const list = n.sampled(node, kind);
  const count = min(n.sample, load<u32>(n.offered(node, kind)));
  for (let i: u32 = 0; i < count; i++) {
    const other = load<u32>(list + (<usize>i << 2));
    const at = s.visited + ((<usize>other >> 5) << 2);
    const word = load<u32>(at);
    const bit: u32 = 1 << (other & 31);
    if (word & bit) continue;
    store<u32>(at, word | bit);
    store<u32>(s.gathered + (<usize>(length++) << 2), other);
  }
  return length;
}

/** Compares the samples of nodes at places from..to-1 with each other; returns how many entries of lists changed. */
export function join<S>(n: NnDescent, s: Slot, from: u32, to: u32): u32 {
  const scorer = changetype<S>(0);
  const g = n.graph;
  const gathered = s.gathered;
  let changed: u32 = 0;
  memory.fill(s.visited, 0, s.visitedBytes);
  for (let i = from; i < to; i++) {
    const node = n.node(i);
    const fresh = gather(n, s, node, FRESH_BACK, gather(n, s, node, FRESH, 0));
    const length = gather(n, s, node, OLD_BACK, gather(n, s, node, OLD, fresh));
    for (let j: u32 = 0; j < length; j++) {
      const other = load<u32>(gathered + (<usize>j << 2));
      store<u32>(s.visited + ((<usize>other >> 5) << 2), 0);
    }
    if (length < 2) continue;
    const last = load<u32>(gathered + ((<usize>length - 1) << 2));
    for (let j: u32 = 0; j < 3; j++) store<u32>(gathered + ((<usize>(length + j)) << 2), last);
    for (let j: u32 = 0; j < fresh && j + 1 < length; j++) {
      const left = load<u32>(gathered + (<usize>j << 2));
      const leftList = n.list(left);
      scorer.loadNode(g, s, left);
      for (let other = j + 1; other < length; other += 4) {
        const at = gathered + (<usize>other << 2);
        const a = load<u32>(at);
        const b = load<u32>(at, 4);
        const c = load<u32>(at, 8);
        const d = load<u32>(at, 12);
        const images = monotone(scorer.score4(g, s, a, b, c, d));
        // What a last group repeats is in the lists already.
        changed += meet(n, left, leftList, a, <u32>i32x4.extract_lane(images, 0));
        changed += meet(n, left, leftList, b, <u32>i32x4.extract_lane(images, 1));
        changed += meet(n, left, leftList, c, <u32>i32x4.extract_lane(images, 2));
        changed += meet(n, left, leftList, d, <u32>i32x4.extract_lane(images, 3));
      }
    }
  }
  return changed;
}

/** Two nodes at a distance, as its image, hear of each other. */
// @ts-ignore: decorator
@inline
function meet(n: NnDescent, left: u32, leftList: usize, right: u32, image: u32): u32 {
  const high = <u64>image << 32;
  return take(leftList, n.k, high | (right << 1)) + take(n.list(right), n.k, high | (left << 1));
}

/** Writes the lists of nodes at places from..to-1 as those of a graph, which has k slots at least. */
export function nnLinks(n: NnDescent, g: Graph, from: u32, to: u32): void {
  for (let i = from; i < to; i++) {
    const node = n.node(i);
    const list = n.list(node);
    const links = g.list(0, node);
    memory.fill(links, 0xff, <usize>g.linkSlots << 2);
    for (let j: u32 = 0; j < n.k; j++) {
      const key = keyAt(list, j);
      if (key == ALL_ONES) break;
      store<u32>(links + (<usize>j << 2), nodeOf(key));
    }
  }
}
