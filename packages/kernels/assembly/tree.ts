// Trees of balls over rows of floats: the search that the ball tree and the k-means tree share.
//
//   node, 32 bytes:  [ first u32 ][ children u32 ][ start u32 ][ length u32 ][ radius f32 ][ spread f32 ][ norm f32 ][ reach f32 ]
//
//   first     its first child; the others follow it. Node 0 is the root.
//   children  how many; 0 for a leaf
//   start     its rows are start..start+length-1 of `order` (u32 ordinals); an inner node's are its children's together
//   radius    largest distance of its rows to its pivot: Euclidean (not squared), or Manhattan for that metric
//   spread    mean squared Euclidean (or mean Manhattan) distance of its rows to its pivot
//   norm      |pivot|^2
//   reach     largest |row|
//
// Node i's pivot is row i of `pivots` (dimensions f32): the pivots of siblings lie one after the other.
//
// Bounds. With D the distance of query and pivot, and L = max(0, D - radius), no row of a node is nearer than
//   Euclid      L^2
//   Manhattan   L
//   Dot         -min(q.c + |q| radius, |q| reach, (|q|^2 + reach^2 - L^2) / 2)     (the last from |q - x| >= L)
//   Cosine      1 + the same
// each made a little smaller by what rounding can have added: a bound never exceeds the distance that `scan` computes.
//
// Rows may be there as 8-bit codes too (codes.ts), in the order of `order`: a leaf is then one sequential read of a
// quarter of the bytes. A search over codes keeps more than k and measures them again on the floats.

import { codeDistances4, encodeQuery } from "./codes";
import { distanceOf, finite, keyOf, offer, siftDown, sortHeap, splitKeys } from "./keys";
import { Cosine, Dot, distances4, Euclid, Manhattan, Metric } from "./metrics";
import { scoreList } from "./scan";

const NODE_BYTES: usize = 32;
/** Rows of a leaf that are gathered before any is measured. */
const GATHER: u32 = 64;

@final @unmanaged
class Node {
  first: u32;
  children: u32;
  start: u32;
  length: u32;
  radius: f32;
  spread: f32;
  norm: f32;
  reach: f32;
}

// @ts-ignore: decorator
@inline
function nodeAt(nodes: usize, node: u32): Node {
  return changetype<Node>(nodes + <usize>node * NODE_BYTES);
}

@final @unmanaged
export class Tree {
  metric: Metric;
  dimensions: u32;
  rows: usize;
  nodes: usize;
  pivots: usize;
  order: usize;
  nodeCount: u32;
  /** 0 where there are none. */
  codes: usize;
  codeBytes: u32;
  mean: usize;
}

/** Bytes of a tree's head. */
export function treeBytes(): usize {
  return (offsetof<Tree>() + 63) & ~63;
}

/** Describes a tree to the kernels. */
export function initTree(
  t: Tree, metric: Metric, dimensions: u32, rows: usize, nodes: usize, pivots: usize, order: usize, nodeCount: u32,
  codes: usize, codeBytes: u32, mean: usize,
): void {
  t.metric = metric;
  t.dimensions = dimensions;
  t.rows = rows;
  t.nodes = nodes;
  t.pivots = pivots;
  t.order = order;
  t.nodeCount = nodeCount;
  t.codes = codes;
  t.codeBytes = codeBytes;
  t.mean = mean;
}

/** What bounds and codes need of a query. */
@final @unmanaged
class Query {
  /** |query| and its square. */
  length: f64;
  squared: f64;
  /** Largest relative error of a float distance: additions one after the other, twice what theory allows them. */
  error: f64;
  /** Share of a node's spread that is taken off its distance; below 0, nodes are visited in the order of their bounds. */
  factor: f64;
  /** Scale and half norm of its code. */
  scale: f32;
  half: f32;
  /** What turns a code's distance into the metric's: 2 for Euclid, whose codes give half the square. */
  unit: f32;
}

// A slot is one thread's scratch:
//
//   [ Query: 48 ][ scored u32, visited u32, exhausted u32, sink u32 ][ gathered: 64 + 4 u32 ][ queue: nodes u64 ]
//   [ bounds: nodes f32 ][ code of the query: dimensions rounded up to 8, i16 ]
const STATS: usize = 48;
const GATHERED: usize = STATS + 16;
const QUEUE: usize = 336;

// @ts-ignore: decorator
@inline
function paddedOf(dimensions: u32): u32 {
  return (dimensions + 7) & ~7;
}

// @ts-ignore: decorator
@inline
function queryCode(slot: usize, nodeCount: u32): usize {
  return (slot + QUEUE + <usize>nodeCount * 12 + 15) & ~15;
}

/** Bytes of a slot for a tree of so many nodes. */
export function treeSlotBytes(nodeCount: u32, dimensions: u32): usize {
  return queryCode(0, nodeCount) + 16 + (<usize>paddedOf(dimensions) << 1);
}

/** Address of scored, visited, exhausted (u32 each) of the last search. */
export function treeSlotStats(slot: usize): usize {
  return slot + STATS;
}

// @ts-ignore: decorator
@inline
function squareOf(distance: f64, norm: f64, q: Query): f64 {
  return max<f64>(0, q.squared + norm - 2 * distance);
}

/** The least distance that a row of the node can have, given the kernel's distance to its pivot. */
// @ts-ignore: decorator
@inline
function boundOf(metric: Metric, d: f64, node: Node, q: Query): f32 {
  const error = q.error;
  const radius = <f64>node.radius * (1 + error);
  if (metric == Metric.Manhattan) return <f32>(max<f64>(0, d * (1 - error) - radius) * (1 - error));
  if (metric == Metric.Euclid) {
    const gap = max<f64>(0, sqrt<f64>(d) * (1 - error) - radius);
    return <f32>(gap * gap * (1 - 2 * error));
  }
  const product = metric == Metric.Cosine ? 1 - d : -d;
  const length = sqrt<f64>(<f64>node.norm);
  const both = q.length + length;
  const square = squareOf(product, <f64>node.norm, q) - error * both * both;
  const gap = max<f64>(0, sqrt<f64>(max<f64>(0, square)) - radius);
  const reach = <f64>node.reach * (1 + error);
  let most = min<f64>(product + error * q.length * length + q.length * radius, q.length * reach);
  most = min<f64>(most, (q.squared * (1 + error) + reach * reach - gap * gap * (1 - error)) * 0.5);
  most += error * q.length * reach;
  // 2^-20: the subtraction from 1, here and in the scan.
  return metric == Metric.Cosine ? <f32>(1 - most - 0.00000095367431640625) : <f32>-most;
}

/** What decides which node is visited first. */
// @ts-ignore: decorator
@inline
function orderOf(metric: Metric, d: f64, node: Node, q: Query): f32 {
  const byBound = q.factor < 0;
  if (metric == Metric.Manhattan) return <f32>(d - (byBound ? <f64>node.radius : q.factor * <f64>node.spread));
  if (metric == Metric.Dot) {
    const away = byBound ? <f64>node.radius : q.factor * sqrt<f64>(<f64>node.spread);
    return <f32>(d - q.length * away);
  }
  const square = metric == Metric.Euclid ? d : squareOf(1 - d, <f64>node.norm, q);
  return <f32>(byBound ? sqrt<f64>(square) - <f64>node.radius : square - q.factor * <f64>node.spread);
}

/** Measures `length` gathered rows; returns the heap's new size. */
// @ts-ignore: decorator
@inline
function scoreGathered<M>(
  query: usize, rows: usize, dimensions: u32, gathered: usize, length: u32, k: u32, heap: usize, size: u32,
): u32 {
  const stride = <usize>dimensions << 2;
  const last = load<u32>(gathered + (<usize>(length - 1) << 2));
  for (let i: u32 = 0; i < 3; i++) store<u32>(gathered + (<usize>(length + i) << 2), last);
  for (let i: u32 = 0; i < length; i += 4) {
    const at = gathered + (<usize>i << 2);
    const a = load<u32>(at);
    const b = load<u32>(at, 4);
    const c = load<u32>(at, 8);
    const e = load<u32>(at, 12);
    const d = finite(distances4<M>(
      query, rows + <usize>a * stride, rows + <usize>b * stride, rows + <usize>c * stride, rows + <usize>e * stride, dimensions,
    ));
    const worst = size < k ? f32.POSITIVE_INFINITY : distanceOf(load<u64>(heap));
    // Equal ones too: the lower ordinal wins, and rows do not come in their order.
    if (!v128.any_true(f32x4.le(d, f32x4.splat(worst)))) continue;
    size = offer(heap, size, k, keyOf(f32x4.extract_lane(d, 0), a));
    if (i + 1 < length) size = offer(heap, size, k, keyOf(f32x4.extract_lane(d, 1), b));
    if (i + 2 < length) size = offer(heap, size, k, keyOf(f32x4.extract_lane(d, 2), c));
    if (i + 3 < length) size = offer(heap, size, k, keyOf(f32x4.extract_lane(d, 3), e));
  }
  return size;
}

/** Whether a row passes the filter. */
// @ts-ignore: decorator
@inline
function passes(bits: usize, ordinal: u32): u32 {
  return bits ? (load<u32>(bits + ((<usize>ordinal >> 5) << 2)) >> (ordinal & 31)) & 1 : 1;
}

/** Measures the codes of a leaf; returns the heap's new size and leaves the number compared in the slot's `gathered`. */
function scoreCodes(t: Tree, q: Query, node: Node, bits: usize, width: u32, heap: usize, size: u32, slot: usize): u32 {
  const code = queryCode(slot, t.nodeCount);
  const padded = paddedOf(t.dimensions);
  const stride = <usize>t.codeBytes;
  const end = node.start + node.length;
  let compared: u32 = 0;
  for (let i = node.start; i < end; i += 4) {
    const last = end - 1 - i;
    const ordinals = t.order + (<usize>i << 2);
    const lanes = min(3, last);
    let below: u32 = 0;
    for (let j: u32 = 0; j <= lanes; j++) below |= passes(bits, load<u32>(ordinals + (<usize>j << 2))) << j;
    if (!below) continue;
    compared += popcnt(below);
    const a = t.codes + <usize>i * stride;
    const d = finite(f32x4.mul(f32x4.splat(q.unit), codeDistances4(
      code, q.scale, q.half, a, a + stride * min(1, last), a + stride * min(2, last), a + stride * min(3, last), padded,
    )));
    const worst = size < width ? f32.POSITIVE_INFINITY : distanceOf(load<u64>(heap));
    below &= i32x4.bitmask(f32x4.le(d, f32x4.splat(worst)));
    if (!below) continue;
    if (below & 1) size = offer(heap, size, width, keyOf(f32x4.extract_lane(d, 0), load<u32>(ordinals)));
    if (below & 2) size = offer(heap, size, width, keyOf(f32x4.extract_lane(d, 1), load<u32>(ordinals, 4)));
    if (below & 4) size = offer(heap, size, width, keyOf(f32x4.extract_lane(d, 2), load<u32>(ordinals, 8)));
    if (below & 8) size = offer(heap, size, width, keyOf(f32x4.extract_lane(d, 3), load<u32>(ordinals, 12)));
  }
  store<u32>(slot + GATHERED, compared);
  return size;
}

/** Encodes the query as the codes are. */
function loadQuery(t: Tree, q: Query, query: usize, slot: usize): void {
  const padded = paddedOf(t.dimensions);
  q.scale = encodeQuery(query, t.mean, t.dimensions, padded, queryCode(slot, t.nodeCount));
  q.unit = t.metric == Metric.Euclid ? 2 : 1;
  let squares: f64 = 0;
  if (t.metric != Metric.Dot) {
    for (let j: u32 = 0; j < t.dimensions; j++) {
      const x = <f64>load<f32>(query + (<usize>j << 2)) - <f64>load<f32>(t.mean + (<usize>j << 2));
      squares += x * x;
    }
  }
  q.half = <f32>(squares * 0.5);
}

/** Distance of the query to one lane's child. */
// @ts-ignore: decorator
@inline
function lane(d: v128, i: u32): f32 {
  if (i == 0) return f32x4.extract_lane(d, 0);
  if (i == 1) return f32x4.extract_lane(d, 1);
  if (i == 2) return f32x4.extract_lane(d, 2);
  return f32x4.extract_lane(d, 3);
}

function searchTree<M>(
  metric: Metric, t: Tree, query: usize, k: u32, effort: u32, bits: usize, coded: bool, heap: usize, slot: usize,
): u32 {
  const dimensions = t.dimensions;
  const rows = t.rows;
  const nodes = t.nodes;
  const pivots = t.pivots;
  const order = t.order;
  const nodeCount = t.nodeCount;
  const q = changetype<Query>(slot);
  if (coded) loadQuery(t, q, query, slot);
  const stride = <usize>dimensions << 2;
  const gathered = slot + GATHERED;
  const queue = slot + QUEUE;
  const bounds = queue + (<usize>nodeCount << 3);
  let squared: f64 = 0;
  for (let at: usize = 0; at < stride; at += 4) {
    const x = <f64>load<f32>(query + at);
    squared += x * x;
  }
  q.squared = squared;
  q.length = sqrt<f64>(squared);
  q.error = <f64>(dimensions + 32) * 0.000000029802322387695312; // (dimensions / 4 + 8) x 2^-23

  let found: u32 = 0, compared: u32 = 0, scored: u32 = 0, visited: u32 = 0, sink: u32 = 0;
  let exhausted: u32 = 1;
  // A max-heap of inverted keys: the least comes first.
  let waiting = offer(queue, 0, nodeCount, ~keyOf(0, 0));
  store<f32>(bounds, -f32.MAX_VALUE);
  while (waiting) {
    if (compared >= effort && found == k) {
      exhausted = 0;
      break;
    }
    let current = <u32>~load<u64>(queue);
    waiting--;
    if (waiting) siftDown(queue, waiting, load<u64>(queue + (<usize>waiting << 3)));
    const worst = found < k ? f32.POSITIVE_INFINITY : distanceOf(load<u64>(heap));
    let bound = load<f32>(bounds + (<usize>current << 2));
    if (bound > worst) continue;

    // Down to a leaf: always on to the most promising child, the others wait.
    let node = nodeAt(nodes, current);
    let alive = true;
    while (node.children) {
      const first = node.first;
      const end = first + node.children;
      const least = bound;
      let best = u64.MAX_VALUE;
      scored += node.children;
      for (let child = first; child < end; child += 4) {
        const last = end - 1 - child;
        const pivot = pivots + <usize>child * stride;
        const d = finite(distances4<M>(
          query, pivot, pivot + stride * min(1, last), pivot + stride * min(2, last), pivot + stride * min(3, last), dimensions,
        ));
        for (let i: u32 = 0; i <= min(3, last); i++) {
          const it = nodeAt(nodes, child + i);
          const distance = <f64>lane(d, i);
          const own = max(least, boundOf(metric, distance, it, q));
          if (own > worst || !it.length) continue;
          store<f32>(bounds + (<usize>(child + i) << 2), own);
          let key = keyOf(orderOf(metric, distance, it, q), child + i);
          if (key < best) {
            const before = best;
            best = key;
            key = before;
          }
          if (key != u64.MAX_VALUE) waiting = offer(queue, waiting, nodeCount, ~key);
        }
      }
      alive = best != u64.MAX_VALUE;
      if (!alive) break;
      if (q.factor < 0 && waiting && ~load<u64>(queue) < best) {
        // Another node is more promising than all of these.
        waiting = offer(queue, waiting, nodeCount, ~best);
        alive = false;
        break;
      }
      current = <u32>best;
      bound = load<f32>(bounds + (<usize>current << 2));
      node = nodeAt(nodes, current);
    }
    if (!alive) continue;

    visited++;
    if (coded) {
      found = scoreCodes(t, q, node, bits, k, heap, found, slot);
      compared += load<u32>(slot + GATHERED);
      continue;
    }
    const end = node.start + node.length;
    for (let i = node.start; i < end;) {
      let length: u32 = 0;
      for (; i < end && length < GATHER; i++) {
        const ordinal = load<u32>(order + (<usize>i << 2));
        store<u32>(gathered + (<usize>length << 2), ordinal);
        length += passes(bits, ordinal);
      }
      if (!length) continue;
      for (let j: u32 = 0; j < length; j++) {
        sink += load<u8>(rows + <usize>load<u32>(gathered + (<usize>j << 2)) * stride);
      }
      found = scoreGathered<M>(query, rows, dimensions, gathered, length, k, heap, found);
      compared += length;
    }
  }
  store<u32>(slot, scored + compared, STATS);
  store<u32>(slot, visited, STATS + 4);
  store<u32>(slot, exhausted, STATS + 8);
  store<u32>(slot, sink, STATS + 12);
  return found;
}

function searchWith(
  t: Tree, query: usize, k: u32, effort: u32, bits: usize, coded: bool, heap: usize, slot: usize,
): u32 {
  if (t.metric == Metric.Euclid) return searchTree<Euclid>(Metric.Euclid, t, query, k, effort, bits, coded, heap, slot);
  if (t.metric == Metric.Cosine) return searchTree<Cosine>(Metric.Cosine, t, query, k, effort, bits, coded, heap, slot);
  if (t.metric == Metric.Dot) return searchTree<Dot>(Metric.Dot, t, query, k, effort, bits, coded, heap, slot);
  return searchTree<Manhattan>(Metric.Manhattan, t, query, k, effort, bits, coded, heap, slot);
}

/**
 * The nearest k of the tree's rows (of those with a set bit, where `bits` is not 0). Stops once `effort` rows were
 * compared and k found; over floats with effort >= the number of rows the answer is that of a scan.
 *
 *   width     0 to compare floats; else codes are compared and the best `width` >= k measured again on the floats
 *   factor    the share of its spread by which a wide node seems nearer (0: the order of pivots); below 0 nodes are
 *             visited in the order of their bounds
 *   heap, ordinals, distances   room for max(k, width)
 *
 * Returns how many were found.
 */
export function treeSearch(
  t: Tree, query: usize, k: u32, effort: u32, bits: usize, width: u32, factor: f32,
  heap: usize, ordinals: usize, distances: usize, slot: usize,
): u32 {
  changetype<Query>(slot).factor = <f64>factor;
  let size: u32;
  if (!width) size = searchWith(t, query, k, effort, bits, false, heap, slot);
  else {
    const wide = searchWith(t, query, width, effort, bits, true, heap, slot);
    splitKeys(heap, wide, ordinals, distances);
    scoreList(t.metric, query, t.rows, t.dimensions, ordinals, wide, distances);
    size = 0;
    for (let i: u32 = 0; i < wide; i++) {
      const at = <usize>i << 2;
      size = offer(heap, size, k, keyOf(load<f32>(distances + at), load<u32>(ordinals + at)));
    }
  }
  sortHeap(heap, size);
  splitKeys(heap, size, ordinals, distances);
  return size;
}
