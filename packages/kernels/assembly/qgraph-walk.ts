// Walking the quantized graph: best-first by estimates, with the exact distance of each visited vertex.
//
// The beam is one rising array of estimates whose keys carry an "expanded" bit, as in walk.ts. A step takes up to WIDTH
// of its best, touches their records, measures them exactly (which is their answer) and estimates all their neighbours
// by one look-up pass per block. A vertex may stand in the beam several times, with the estimate of each neighbour
// that led to it (SymphonyQG: their errors are independent, the best one counts); once visited it is passed over.
//
// Where hardly more vertices are visited than are wanted, each enters the beam once, so that it holds as many as it has
// places; a beam with room for every vertex is exhaustive, since nothing falls off. With a filter, the beam leads
// through vertices of all kinds, and the walk ends when the best `keep` of those whose bits are set are full and nothing
// nearer than their worst is left.

import { encodeQuery } from "./codes";
import { BLOCK, scanBlock, signTables } from "./fast-scan";
import { dotOf } from "./ivf";
import { distanceOf, keyOf, offer, sortHeap, splitKeys } from "./keys";
import { Cosine, Dot, Euclid, Metric } from "./metrics";
import { HEAD_BYTES, QGraph, QSlot, WIDTH } from "./qgraph";
import { turn } from "./qgraph-encode";
import { CodeVisit, RowVisit } from "./qgraph-visit";
import { scoreList } from "./scan";
import { keyAt, mergeKeys, nodeKey, nodeOf, setKey, sortKeys } from "./walk";

/** Entry vertices that a search starts from. */
const STARTS: u32 = 4;
const LINE_BYTES: usize = 64;

// @ts-ignore: decorator
@inline
function seen(s: QSlot, node: u32): bool {
  return ((load<u8>(s.visited + (<usize>node >> 3)) >> (node & 7)) & 1) != 0;
}

/** Marks a vertex; 1 when it was not marked before. */
// @ts-ignore: decorator
@inline
function mark(s: QSlot, node: u32): u32 {
  const at = s.visited + (<usize>node >> 3);
  const byte = <u32>load<u8>(at);
  const bit: u32 = 1 << (node & 7);
  store<u8>(at, <u8>(byte | bit));
  return (byte & bit) == 0 ? 1 : 0;
}

// @ts-ignore: decorator
@inline
function isSet(bits: usize, node: u32): bool {
  return ((load<u32>(bits + ((<usize>node >> 5) << 2)) >> (node & 31)) & 1) != 0;
}

/** Loads from every cache line of a record, which starts their way here. */
// @ts-ignore: decorator
@inline
function touch(record: usize, bytes: usize): u32 {
  let sum: u32 = 0;
  for (let at = record; at < record + bytes; at += LINE_BYTES) sum += load<u8>(at);
  return sum;
}

/**
 * Estimates a block's neighbours, of a vertex at distance `base`; returns a bit for each that is nearer than `bound` and
 * puts the estimates into `s.sums`.
 */
// @ts-ignore: decorator
@inline
function estimateBlock(g: QGraph, s: QSlot, block: usize, base: f32, bound: f32): u32 {
  scanBlock(block + HEAD_BYTES, s.entries, g.padded >> 2, s.sums);
  const bias = f32x4.splat(s.tables.bias);
  const step = f32x4.splat(s.tables.step);
  const from = f32x4.splat(base);
  const limit = f32x4.splat(bound);
  const upper = i32x4.splat(0xffff0000);
  let below: u32 = 0;
  for (let i: u32 = 0; i < 8; i++) {
    const at = <usize>i << 4;
    const factors = v128.load(block + at, 128);
    const inner = f32x4.add(bias, f32x4.mul(step, v128.load(s.sums + at)));
    const shift = f32x4.add(i32x4.shl(factors, 16), f32x4.mul(v128.and(factors, upper), inner));
    const estimate = f32x4.add(from, shift);
    v128.store(s.sums + at, estimate);
    below |= i32x4.bitmask(f32x4.lt(estimate, limit)) << (i << 2);
  }
  return below;
}

/** The entries that seem nearest become the beam; returns how many. */
function begin(g: QGraph, s: QSlot, most: u32): u32 {
  const pool = s.pool;
  let size: u32 = 0;
  let bound = f32.POSITIVE_INFINITY;
  for (let b: u32 = 0; b < g.rootBlocks; b++) {
    const block = g.root + <usize>b * g.blockBytes();
    let below = estimateBlock(g, s, block, s.start, bound);
    for (; below; below &= below - 1) {
      const lane = <usize>ctz(below) << 2;
      size = offer(pool, size, most, nodeKey(load<f32>(s.sums + lane), load<u32>(block + lane)));
      if (size == most) bound = distanceOf(keyAt(pool, 0));
    }
  }
  sortHeap(pool, size);
  s.scored += g.rootBlocks * BLOCK;
  return size;
}

/**
 * From the slot's query, best first. `width`: places of the beam, `keep`: how many of the visited are kept in `s.results`,
 * rising, each at most the slot's pool length. With `bits`, the walk stops after about `budget` estimates. `once`: no
 * vertex enters the beam twice, so that as many are visited as it has places. Returns how many were kept.
 */
export function walk<S>(g: QGraph, s: QSlot, width: u32, keep: u32, bits: usize, budget: u32, once: bool): u32 {
  const scorer = changetype<S>(0);
  const pool = s.pool;
  const results = s.results;
  const batch = s.batch;
  const blockBytes = g.blockBytes();
  const recordBytes = g.recordBytes();
  const blocks = g.degree / BLOCK;
  const whole = width >= g.count;
  const unique = once || whole;
  memory.fill(s.visited, 0, s.visitedBytes);
  let size = begin(g, s, whole ? width : min(width, STARTS));
  if (unique) for (let i: u32 = 0; i < size; i++) mark(s, nodeOf(keyAt(pool, i)));
  let dropped = !whole;
  let found: u32 = 0;
  let next: u32 = 0;
  let sink: u32 = 0;
  // The room of the answer, which comes later.
  const nodes = s.ordinals;
  while (true) {
    // What a vertex must beat to matter.
    let bound = f32.POSITIVE_INFINITY;
    if (bits) {
      if (found == keep) bound = distanceOf(keyAt(results, 0));
      if (s.scored > budget) {
        dropped = true;
        break;
      }
    } else if (size == width) bound = distanceOf(keyAt(pool, width - 1));

    let chosen: u32 = 0;
    for (; next < size && chosen < WIDTH; next++) {
      const key = keyAt(pool, next);
      if (key & 1) continue;
      if (bits && distanceOf(key) > bound) break;
      setKey(pool, next, key | 1);
      const node = nodeOf(key);
      if (!unique && !mark(s, node)) continue;
      sink += touch(g.record(node), recordBytes);
      store<u32>(nodes + (<usize>chosen << 2), node);
      chosen++;
    }
    if (!chosen) break;
    s.expanded += chosen;
    s.scored += chosen * g.degree;
    const last = chosen - 1;
    const distances = scorer.visit4(
      g, s, load<u32>(nodes), load<u32>(nodes + (<usize>min(1, last) << 2)),
      load<u32>(nodes + (<usize>min(2, last) << 2)), load<u32>(nodes + (<usize>last << 2)),
    );
    let taken: u32 = 0;
    for (let i: u32 = 0; i < chosen; i++) {
      const node = load<u32>(nodes + (<usize>i << 2));
      let base = f32x4.extract_lane(distances, 0);
      if (i == 1) base = f32x4.extract_lane(distances, 1);
      else if (i == 2) base = f32x4.extract_lane(distances, 2);
      if (i > 0 && i == last) base = f32x4.extract_lane(distances, 3);
      if (!bits || isSet(bits, node)) found = offer(results, found, keep, keyOf(base, node));
      const record = g.record(node);
      for (let b: u32 = 0; b < blocks; b++) {
        const block = record + <usize>b * blockBytes;
        let below = estimateBlock(g, s, block, base, bound);
        for (; below; below &= below - 1) {
          const lane = <usize>ctz(below) << 2;
          const neighbour = load<u32>(block + lane);
          if (unique ? !mark(s, neighbour) : seen(s, neighbour)) continue;
          setKey(batch, taken++, nodeKey(load<f32>(s.sums + lane), neighbour));
        }
      }
    }
    if (bits && found == keep) dropped = true;
    if (!taken) continue;
    sortKeys(batch, taken);
    next = min(next, mergeKeys(pool, size, width, batch, taken));
    size = min(width, size + taken);
  }
  s.sink = sink;
  s.exhausted = dropped ? 0 : 1;
  sortHeap(results, found);
  return found;
}

/** Prepares the slot for its query. */
function prepare(g: QGraph, s: QSlot): void {
  if (g.metric == Metric.Dot) {
    // The query as long as the sphere's radius: that changes no order, but makes the estimates' error small.
    const length = Mathf.sqrt(dotOf(s.query, s.query, g.dimensions));
    const unit: f32 = length > 0 && g.sphere > 0 ? g.sphere / length : 1;
    s.unit = unit;
    s.start = -0.5 * (unit * length * unit * length + g.sphere * g.sphere);
    for (let i: usize = 0; i < <usize>g.dimensions << 2; i += 4) store<f32>(s.rotated + i, load<f32>(s.query + i) * unit);
    turn(g, s.rotated, 0, s.rotated);
  } else {
    s.unit = g.metric == Metric.Euclid ? 0.5 : 1;
    s.start = 0;
    turn(g, s.query, 0, s.rotated);
  }
  signTables(s.rotated, g.padded, s.entries, s.tables);
  if (g.coded) {
    // Codes leave the query's own norm out, a constant.
    s.scale = encodeQuery(s.rotated, s.zeros, g.padded, g.padded, s.code);
    s.half = 0;
    s.start = 0;
  } else s.start += dotOf(s.rotated, s.rotated, g.padded) * 0.5;
}

function find(g: QGraph, s: QSlot, width: u32, keep: u32, bits: usize, budget: u32, once: bool): u32 {
  s.scored = 0;
  if (g.coded) return walk<CodeVisit>(g, s, width, keep, bits, budget, once);
  if (g.metric == Metric.Euclid) return walk<RowVisit<Euclid>>(g, s, width, keep, bits, budget, once);
  if (g.metric == Metric.Cosine) return walk<RowVisit<Cosine>>(g, s, width, keep, bits, budget, once);
  return walk<RowVisit<Dot>>(g, s, width, keep, bits, budget, once);
}

/**
 * The nearest k to a query (of those whose bits are set, where `bits` is not 0), found with a beam of `width` places. Of the
 * visited the best `keep` are kept, of these the best `refine` >= k measured on the floats. The slot's pool has room for
 * `width` and `keep`. Returns how many were found.
 */
export function qgraphSearch(
  g: QGraph, s: QSlot, query: usize, k: u32, width: u32, keep: u32, refine: u32, bits: usize, budget: u32,
): u32 {
  s.expanded = 0;
  s.query = query;
  prepare(g, s);
  const wide = width >= 2 * k;
  let size = find(g, s, width, keep, bits, budget, !wide);
  // Estimates of few vertices may have filled the beam.
  if (size < k && wide && !s.exhausted) size = find(g, s, width, keep, bits, budget, true);
  size = min(size, refine);
  for (let i: u32 = 0; i < size; i++) store<u32>(s.ordinals + (<usize>i << 2), <u32>keyAt(s.results, i));
  scoreList(g.metric, s.query, g.rows, g.dimensions, s.ordinals, size, s.distances);
  let found: u32 = 0;
  for (let i: u32 = 0; i < size; i++) {
    const at = <usize>i << 2;
    found = offer(s.results, found, k, keyOf(load<f32>(s.distances + at), load<u32>(s.ordinals + at)));
  }
  sortHeap(s.results, found);
  splitKeys(s.results, found, s.ordinals, s.distances);
  return found;
}
