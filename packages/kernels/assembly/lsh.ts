// Locality-sensitive hashing: hash vectors, fill tables, probe buckets.
//
// One frame serves every hash function. A function turns a vector into an integer h and names its next best integers
// with a score each (the squared distance to the boundary that would have to be crossed). A table concatenates
// `functions` of them; its fingerprint is a second, universal hash: mix(sum of multiplier_j * h_j mod 2^32), so that
// a changed h_j is an added difference, and a probe costs a few additions.
//
//   p-stable, Gaussian  h = floor((a.x + b) / w)     next: h - 1, h + 1
//   hyperplane          h = [a.x >= 0]               next: 1 - h
//   cross-polytope      h = the signed axis nearest to the rotated x; the rotation is three rounds of random signs
//                       and a fast Hadamard transform    next: the axes that follow
//
// Table:  starts: (cells + 1) u32   first entry of each cell; cell = the fingerprint's upper bits
//         entries: count x [ fingerprint u32 ][ ordinal u32 ]   grouped by cell, ordinals rising
//
// Vectors may have one more component, the tail sqrt(M^2 - |x|^2), which turns the largest inner product into the
// smallest angle (Neyshabur, Srebro 2015); that of a query is 0.

import { keyOf, offer, sortHeap, splitKeys } from "./keys";
import { distances4, Dot, Metric } from "./metrics";
import { scoreList } from "./scan";

export const enum HashKind {
  Stable = 0,
  Hyperplane = 1,
  CrossPolytope = 2,
}

/** Signs and transform this many times; two are not enough to spread a sparse vector. */
const ROUNDS: u32 = 3;
/** Moves per table: the best next integers of all its functions, one bit each in a probe's set. */
export const MOVES: u32 = 32;
/** Candidates scored at once. */
const BATCH: u32 = 256;

@unmanaged
export class Lsh {
  metric: Metric;
  kind: HashKind;
  dimensions: u32;
  rows: usize;
  count: u32;
  tables: u32;
  functions: u32;
  /** Bits of a fingerprint that choose the cell, 1..31. */
  cellBits: u32;
  /** 1 / w. */
  inverseWidth: f32;
  /** The largest squared norm, or 0: no tail. */
  largest: f32;
  /** Cross-polytope: padded dimensions, a power of two from 4 on, and the axes that a table's last function looks at. */
  padded: u32;
  lastAxes: u32;
  /**
   * tables x functions x (dimensions + 1) f32, the last of each for the tail; cross-polytope: tables x functions x
   * ROUNDS x padded f32, +1 or -1.
   */
  directions: usize;
  /** tables x functions f32. */
  offsets: usize;
  /** tables x functions u32, odd. */
  multipliers: usize;
  /** One table after the other. */
  starts: usize;
  entries: usize;

  @inline cells(): u32 {
    return 1 << this.cellBits;
  }
  @inline startsOf(table: u32): usize {
    return this.starts + ((<usize>table * (<usize>this.cells() + 1)) << 2);
  }
  @inline entriesOf(table: u32): usize {
    return this.entries + ((<usize>table * this.count) << 3);
  }
  @inline cellOf(fingerprint: u32): u32 {
    return fingerprint >> (32 - this.cellBits);
  }
}

export function lshBytes(): usize {
  return offsetof<Lsh>();
}

export function initLsh(
  at: Lsh, metric: Metric, kind: HashKind, dimensions: u32, rows: usize, count: u32, tables: u32, functions: u32,
  cellBits: u32, inverseWidth: f32, largest: f32, padded: u32, lastAxes: u32, directions: usize, offsets: usize,
  multipliers: usize, starts: usize, entries: usize,
): void {
  at.metric = metric;
  at.kind = kind;
  at.dimensions = dimensions;
  at.rows = rows;
  at.count = count;
  at.tables = tables;
  at.functions = functions;
  at.cellBits = cellBits;
  at.inverseWidth = inverseWidth;
  at.largest = largest;
  at.padded = padded;
  at.lastAxes = lastAxes;
  at.directions = directions;
  at.offsets = offsets;
  at.multipliers = multipliers;
  at.starts = starts;
  at.entries = entries;
}

/** A thread's scratch. All parts are 16-byte aligned. */
@unmanaged
class Work {
  /** Buckets looked up, distances computed, and whether the probes ran out before the effort. */
  probed: u32;
  scored: u32;
  ended: u32;
  /** The most probes that fit. */
  effort: u32;
  /** What a table's functions made of a vector. */
  values: usize;
  /** Per table: the sum of the query's own bucket, and MOVES x [ score f32 ][ difference u32 ][ function u32 ][ rivals u32 ]. */
  sums: usize;
  moves: usize;
  /** Per table: how many moves there are. */
  moveCounts: usize;
  /** A min-heap of keys [ score : 32 ][ set : 32 ], and the sets: [ moves, a bit each : 32 ][ table : 32 ]. */
  heap: usize;
  sets: usize;
  visited: usize;
  candidates: usize;
  distances: usize;
}

const MOVE_BYTES: usize = 16;
/** Sets popped per probe at most: some hold two moves of one function and name no bucket. */
const POPS_PER_PROBE: u32 = 4;

// @ts-ignore: decorator
@inline
function aligned(bytes: usize): usize {
  return (bytes + 15) & ~15;
}

// @ts-ignore: decorator
@inline
function setsFor(tables: u32, effort: u32): u32 {
  return tables + POPS_PER_PROBE * effort + 2;
}

// @ts-ignore: decorator
@inline
function valueCount(l: Lsh): u32 {
  return l.kind == HashKind.CrossPolytope ? l.functions * l.padded : l.functions + 4;
}

/** Bytes of a scratch for searches with up to `effort` probes. */
export function lshWorkBytes(l: Lsh, effort: u32): usize {
  const sets = <usize>setsFor(l.tables, effort);
  return aligned(offsetof<Work>()) + aligned(<usize>valueCount(l) << 2) + 2 * aligned(<usize>l.tables << 2) +
    aligned(<usize>l.tables * MOVES * MOVE_BYTES) + 2 * aligned(sets << 3) +
    aligned((<usize>(l.count + 31) >> 5) << 2) + 2 * aligned(BATCH << 2);
}

export function initLshWork(w: Work, l: Lsh, effort: u32): void {
  const sets = <usize>setsFor(l.tables, effort);
  let at = changetype<usize>(w) + aligned(offsetof<Work>());
  w.effort = effort;
  w.values = at;
  at += aligned(<usize>valueCount(l) << 2);
  w.sums = at;
  at += aligned(<usize>l.tables << 2);
  w.moveCounts = at;
  at += aligned(<usize>l.tables << 2);
  w.moves = at;
  at += aligned(<usize>l.tables * MOVES * MOVE_BYTES);
  w.heap = at;
  at += aligned(sets << 3);
  w.sets = at;
  at += aligned(sets << 3);
  w.visited = at;
  at += aligned((<usize>(l.count + 31) >> 5) << 2);
  w.candidates = at;
  at += aligned(BATCH << 2);
  w.distances = at;
}

/** Fast Hadamard transform in place, not normalised; `length` is a power of two from 4 on. */
export function hadamard(at: usize, length: u32): void {
  const end = at + (<usize>length << 2);
  const second = f32x4(1, -1, 1, -1);
  const third = f32x4(1, 1, -1, -1);
  for (let p = at; p < end; p += 16) {
    let v = v128.load(p);
    v = f32x4.add(v128.shuffle<f32>(v, v, 0, 0, 2, 2), f32x4.mul(second, v128.shuffle<f32>(v, v, 1, 1, 3, 3)));
    v = f32x4.add(v128.shuffle<f32>(v, v, 0, 1, 0, 1), f32x4.mul(third, v128.shuffle<f32>(v, v, 2, 3, 2, 3)));
    v128.store(p, v);
  }
  for (let half: usize = 16; at + half < end; half <<= 1) {
    for (let block = at; block < end; block += 2 * half) {
      for (let p = block; p < block + half; p += 16) {
        const a = v128.load(p);
        const b = v128.load(p + half);
        v128.store(p, f32x4.add(a, b));
        v128.store(p + half, f32x4.sub(a, b));
      }
    }
  }
}

/** The tail component of a stored vector. */
function tailOf(l: Lsh, x: usize): f32 {
  if (l.largest == 0) return 0;
  const norm = -f32x4.extract_lane(distances4<Dot>(x, x, x, x, x, l.dimensions), 0);
  return sqrt(max<f32>(0, l.largest - norm));
}

/** What the functions of a table make of a vector: projections, or rotated vectors one after the other. */
function project(l: Lsh, table: u32, x: usize, tail: f32, values: usize): void {
  const first = table * l.functions;
  if (l.kind == HashKind.CrossPolytope) {
    const bytes = <usize>l.padded << 2;
    const own = <usize>l.dimensions << 2;
    for (let j: u32 = 0; j < l.functions; j++) {
      const v = values + <usize>j * bytes;
      memory.copy(v, x, own);
      memory.fill(v + own, 0, bytes - own);
      if (l.largest != 0) store<f32>(v + own, tail);
      let signs = l.directions + <usize>(first + j) * ROUNDS * bytes;
      for (let round: u32 = 0; round < ROUNDS; round++) {
        for (let p: usize = 0; p < bytes; p += 16) {
          v128.store(v + p, f32x4.mul(v128.load(v + p), v128.load(signs + p)));
        }
        hadamard(v, l.padded);
        signs += bytes;
      }
    }
    return;
  }
  const stride = (<usize>l.dimensions + 1) << 2;
  const directions = l.directions + <usize>first * stride;
  const tailAt = <usize>l.dimensions << 2;
  for (let j: u32 = 0; j < l.functions; j += 4) {
    const last = l.functions - 1;
    const a = directions + <usize>j * stride;
    const b = directions + <usize>min(j + 1, last) * stride;
    const c = directions + <usize>min(j + 2, last) * stride;
    const d = directions + <usize>min(j + 3, last) * stride;
    let dots = f32x4.neg(distances4<Dot>(x, a, b, c, d, l.dimensions));
    if (tail != 0) {
      const tails = f32x4(load<f32>(a + tailAt), load<f32>(b + tailAt), load<f32>(c + tailAt), load<f32>(d + tailAt));
      dots = f32x4.add(dots, f32x4.mul(f32x4.splat(tail), tails));
    }
    v128.store(values + (<usize>j << 2), dots);
  }
  if (l.kind == HashKind.Stable) {
    for (let j: u32 = 0; j < l.functions; j++) {
      const at = values + (<usize>j << 2);
      const moved = (load<f32>(at) + load<f32>(l.offsets + (<usize>(first + j) << 2))) * l.inverseWidth;
      // Within what an integer holds, also for vectors far beyond the sample that w was chosen from.
      store<f32>(at, moved == moved ? min<f32>(1e9, max<f32>(-1e9, moved)) : 0);
    }
  }
}

// @ts-ignore: decorator
@inline
function axesOf(l: Lsh, j: u32): u32 {
  return j + 1 == l.functions ? l.lastAxes : l.padded;
}

/** The signed axis nearest to a rotated vector: 2 * axis + (1 if negative). */
function nearestAxis(v: usize, axes: u32): u32 {
  let best: u32 = 0;
  let largest: f32 = -1;
  for (let i: u32 = 0; i < axes; i++) {
    const value = load<f32>(v + (<usize>i << 2));
    const size = abs(value);
    if (size > largest) {
      largest = size;
      best = 2 * i + (value < 0 ? 1 : 0);
    }
  }
  return best;
}

/** The integer that function j of a table gives. */
// @ts-ignore: decorator
@inline
function integerOf(l: Lsh, j: u32, values: usize): i32 {
  if (l.kind == HashKind.CrossPolytope) return nearestAxis(values + <usize>j * (<usize>l.padded << 2), axesOf(l, j));
  const value = load<f32>(values + (<usize>j << 2));
  if (l.kind == HashKind.Hyperplane) return value >= 0 ? 1 : 0;
  return <i32>floor(value);
}

/** The sum of a table's bucket, before mixing. */
function sumOf(l: Lsh, table: u32, values: usize): u32 {
  const multipliers = l.multipliers + (<usize>(table * l.functions) << 2);
  let sum: u32 = 0;
  for (let j: u32 = 0; j < l.functions; j++) {
    sum += load<u32>(multipliers + (<usize>j << 2)) * <u32>integerOf(l, j, values);
  }
  return sum;
}

/** Spreads a sum over all bits (the finisher of MurmurHash3, public domain). */
// @ts-ignore: decorator
@inline
function mix(sum: u32): u32 {
  sum ^= sum >> 16;
  sum *= 0x85ebca6b;
  sum ^= sum >> 13;
  sum *= 0xc2b2ae35;
  return sum ^ (sum >> 16);
}

/** Fingerprints of the rows from..to-1 in one table; `fingerprints` (u32) has a place for every row. */
export function lshFingerprints(l: Lsh, w: Work, table: u32, from: u32, to: u32, fingerprints: usize): void {
  const stride = <usize>l.dimensions << 2;
  for (let i = from; i < to; i++) {
    const row = l.rows + <usize>i * stride;
    project(l, table, row, tailOf(l, row), w.values);
    store<u32>(fingerprints + (<usize>i << 2), mix(sumOf(l, table, w.values)));
  }
}

/** The integers (i32) that a table's functions give for the vector at `x`. */
export function lshIntegers(l: Lsh, w: Work, table: u32, x: usize, integers: usize): void {
  project(l, table, x, tailOf(l, x), w.values);
  for (let j: u32 = 0; j < l.functions; j++) store<i32>(integers + (<usize>j << 2), integerOf(l, j, w.values));
}

/** Sorts a table's fingerprints into its cells. */
export function lshFill(l: Lsh, table: u32, fingerprints: usize): void {
  const starts = l.startsOf(table);
  const entries = l.entriesOf(table);
  const cells = l.cells();
  memory.fill(starts, 0, (<usize>cells + 1) << 2);
  for (let i: u32 = 0; i < l.count; i++) {
    const at = starts + (<usize>l.cellOf(load<u32>(fingerprints + (<usize>i << 2))) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let sum: u32 = 0;
  for (let cell: u32 = 0; cell <= cells; cell++) {
    const at = starts + (<usize>cell << 2);
    sum += load<u32>(at);
    store<u32>(at, sum);
  }
  // From behind, so that each start ends at its cell's first entry and ordinals rise.
  for (let i = l.count; i > 0; i--) {
    const fingerprint = load<u32>(fingerprints + (<usize>(i - 1) << 2));
    const at = starts + (<usize>l.cellOf(fingerprint) << 2);
    const place = load<u32>(at) - 1;
    store<u32>(at, place);
    store<u32>(entries + (<usize>place << 3), fingerprint);
    store<u32>(entries + (<usize>place << 3), i - 1, 4);
  }
}

/** How many different fingerprints a table holds. */
export function lshBuckets(l: Lsh, table: u32): u32 {
  const entries = l.entriesOf(table);
  const starts = l.startsOf(table);
  let buckets: u32 = 0;
  for (let cell: u32 = 0; cell < l.cells(); cell++) {
    const from = load<u32>(starts + (<usize>cell << 2));
    const to = load<u32>(starts + (<usize>cell << 2), 4);
    for (let i = from; i < to; i++) {
      const fingerprint = load<u32>(entries + (<usize>i << 3));
      let j = from;
      while (load<u32>(entries + (<usize>j << 3)) != fingerprint) j++;
      if (j == i) buckets++;
    }
  }
  return buckets;
}

/** Puts a move into a table's list, which rises by score and holds MOVES at most; returns its new length. */
function addMove(moves: usize, length: u32, score: f32, difference: u32, owner: u32): u32 {
  if (length == MOVES && score >= load<f32>(moves + <usize>(MOVES - 1) * MOVE_BYTES)) return length;
  let at = length == MOVES ? MOVES - 1 : length;
  for (; at > 0; at--) {
    const before = moves + <usize>(at - 1) * MOVE_BYTES;
    if (load<f32>(before) <= score) break;
    v128.store(before + MOVE_BYTES, v128.load(before));
  }
  const place = moves + <usize>at * MOVE_BYTES;
  store<f32>(place, score);
  store<u32>(place, difference, 4);
  store<u32>(place, owner, 8);
  return min(MOVES, length + 1);
}

/** Lists a table's moves for the query whose values are there, each with a mask of its rivals. */
function listMoves(l: Lsh, table: u32, values: usize, moves: usize): u32 {
  const multipliers = l.multipliers + (<usize>(table * l.functions) << 2);
  let length: u32 = 0;
  for (let j: u32 = 0; j < l.functions; j++) {
    const multiplier = load<u32>(multipliers + (<usize>j << 2));
    const h = integerOf(l, j, values);
    if (l.kind == HashKind.CrossPolytope) {
      const v = values + <usize>j * (<usize>l.padded << 2);
      const largest = abs(load<f32>(v + (<usize>(h >> 1) << 2)));
      for (let i: u32 = 0; i < axesOf(l, j); i++) {
        if (i == <u32>(h >> 1)) continue;
        const value = load<f32>(v + (<usize>i << 2));
        const gap = largest - abs(value);
        const next = 2 * i + (value < 0 ? 1 : 0);
        length = addMove(moves, length, gap * gap, multiplier * (next - <u32>h), j);
      }
      continue;
    }
    const value = load<f32>(values + (<usize>j << 2));
    if (l.kind == HashKind.Hyperplane) {
      length = addMove(moves, length, value * value, h ? -multiplier : multiplier, j);
      continue;
    }
    const below = value - floor(value);
    length = addMove(moves, length, below * below, -multiplier, j);
    length = addMove(moves, length, (1 - below) * (1 - below), multiplier, j);
  }
  // Moves of one function exclude each other.
  for (let i: u32 = 0; i < length; i++) {
    const move = moves + <usize>i * MOVE_BYTES;
    let rivals: u32 = 0;
    for (let j: u32 = 0; j < length; j++) {
      const same = load<u32>(moves + <usize>j * MOVE_BYTES, 8) == load<u32>(move, 8);
      if (same && j != i) rivals |= 1 << j;
    }
    store<u32>(move, rivals, 12);
  }
  return length;
}

// The sets of moves wait in a min-heap. [ score f32, not negative: its bits order like an integer ][ set u32 ]

function push(heap: usize, size: u32, key: u64): void {
  let at = size;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const value = load<u64>(heap + (<usize>parent << 3));
    if (value <= key) break;
    store<u64>(heap + (<usize>at << 3), value);
    at = parent;
  }
  store<u64>(heap + (<usize>at << 3), key);
}

/** Takes the least key away; `size` counts it still. */
function pop(heap: usize, size: u32): void {
  size--;
  const key = load<u64>(heap + (<usize>size << 3));
  let at: u32 = 0;
  while (true) {
    let child: u32 = 2 * at + 1;
    if (child >= size) break;
    let value = load<u64>(heap + (<usize>child << 3));
    if (child + 1 < size) {
      const right = load<u64>(heap + (<usize>(child + 1) << 3));
      if (right < value) {
        value = right;
        child++;
      }
    }
    if (value >= key) break;
    store<u64>(heap + (<usize>at << 3), value);
    at = child;
  }
  store<u64>(heap + (<usize>at << 3), key);
}

// @ts-ignore: decorator
@inline
function scoreAt(moves: usize, move: u32): f32 {
  return load<f32>(moves + <usize>move * MOVE_BYTES);
}

/** One search's gathered candidates and its best k. */
@unmanaged
class Answer {
  query: usize;
  bits: usize;
  k: u32;
  keys: usize;
  found: u32;
  waiting: u32;
}

function flush(l: Lsh, w: Work, a: Answer): void {
  scoreList(l.metric, a.query, l.rows, l.dimensions, w.candidates, a.waiting, w.distances);
  for (let i: u32 = 0; i < a.waiting; i++) {
    const at = <usize>i << 2;
    a.found = offer(a.keys, a.found, a.k, keyOf(load<f32>(w.distances + at), load<u32>(w.candidates + at)));
  }
  w.scored += a.waiting;
  a.waiting = 0;
}

/** Looks a bucket up and gathers what was not seen before and passes the filter. */
function probe(l: Lsh, w: Work, a: Answer, table: u32, sum: u32): void {
  const fingerprint = mix(sum);
  const start = l.startsOf(table) + (<usize>l.cellOf(fingerprint) << 2);
  let at = l.entriesOf(table) + (<usize>load<u32>(start) << 3);
  const end = l.entriesOf(table) + (<usize>load<u32>(start, 4) << 3);
  for (; at < end; at += 8) {
    if (load<u32>(at) != fingerprint) continue;
    const ordinal = load<u32>(at, 4);
    const word = (<usize>ordinal >> 5) << 2;
    const bit: u32 = 1 << (ordinal & 31);
    const seen = load<u32>(w.visited + word);
    if (seen & bit) continue;
    store<u32>(w.visited + word, seen | bit);
    if (a.bits && !(load<u32>(a.bits + word) & bit)) continue;
    store<u32>(w.candidates + (<usize>a.waiting << 2), ordinal);
    if (++a.waiting == BATCH) flush(l, w, a);
  }
  w.probed++;
}

/** Bytes of the state of one search. */
export function lshAnswerBytes(): usize {
  return offsetof<Answer>();
}

/**
 * The nearest k to the query among the buckets of the `effort` most likely probes of all tables (Lv et al. 2007). First
 * each table's own bucket; then sets of moves by rising sum of scores, made from one another by "shift" (the last
 * move becomes the next) and "expand" (the next joins), so that each set comes up once, from a set that scores less.
 * `answer`: lshAnswerBytes. Returns how many were found.
 */
export function lshSearch(
  l: Lsh, w: Work, a: Answer, query: usize, bits: usize, effort: u32, k: u32,
  keys: usize, ordinals: usize, distances: usize,
): u32 {
  a.query = query;
  a.bits = bits;
  a.k = k;
  a.keys = keys;
  a.found = 0;
  a.waiting = 0;
  w.probed = 0;
  w.scored = 0;
  w.ended = 0;
  effort = min(effort, w.effort);
  memory.fill(w.visited, 0, (<usize>(l.count + 31) >> 5) << 2);
  let waiting: u32 = 0;
  let made: u32 = 0;
  const tables = min(l.tables, effort);
  for (let table: u32 = 0; table < tables; table++) {
    const moves = w.moves + <usize>(table * MOVES) * MOVE_BYTES;
    project(l, table, query, 0, w.values);
    const sum = sumOf(l, table, w.values);
    store<u32>(w.sums + (<usize>table << 2), sum);
    probe(l, w, a, table, sum);
    if (w.probed + 1 > effort) continue;
    const length = listMoves(l, table, w.values, moves);
    store<u32>(w.moveCounts + (<usize>table << 2), length);
    if (!length) continue;
    store<u32>(w.sets + (<usize>made << 3), 1);
    store<u32>(w.sets + (<usize>made << 3), table, 4);
    push(w.heap, waiting++, scoreKey(scoreAt(moves, 0), made++));
  }
  let pops = effort * POPS_PER_PROBE;
  while (waiting && pops && w.probed < effort) {
    pops--;
    const key = load<u64>(w.heap);
    pop(w.heap, waiting--);
    const set = w.sets + (<usize>(<u32>key) << 3);
    const chosen = load<u32>(set);
    const table = load<u32>(set, 4);
    const moves = w.moves + <usize>(table * MOVES) * MOVE_BYTES;
    const length = load<u32>(w.moveCounts + (<usize>table << 2));
    const last: u32 = 31 - clz(chosen);
    if (last + 1 < length) {
      const score = reinterpret<f32>(<u32>(key >> 32));
      const next = scoreAt(moves, last + 1);
      // Shift takes the popped set's place, expand a new one.
      const shifted = max(score, score - scoreAt(moves, last) + next);
      store<u32>(set, (chosen ^ (1 << last)) | (1 << (last + 1)));
      push(w.heap, waiting++, scoreKey(shifted, <u32>key));
      store<u32>(w.sets + (<usize>made << 3), chosen | (1 << (last + 1)));
      store<u32>(w.sets + (<usize>made << 3), table, 4);
      push(w.heap, waiting++, scoreKey(score + next, made++));
    }
    let sum = load<u32>(w.sums + (<usize>table << 2));
    let valid = true;
    for (let rest = chosen; rest; rest &= rest - 1) {
      const move = moves + <usize>ctz(rest) * MOVE_BYTES;
      if (load<u32>(move, 12) & chosen) {
        valid = false;
        break;
      }
      sum += load<u32>(move, 4);
    }
    if (valid) probe(l, w, a, table, sum);
  }
  w.ended = waiting ? 0 : 1;
  flush(l, w, a);
  sortHeap(keys, a.found);
  splitKeys(keys, a.found, ordinals, distances);
  return a.found;
}

// @ts-ignore: decorator
@inline
function scoreKey(score: f32, set: u32): u64 {
  return ((<u64>reinterpret<u32>(min<f32>(f32.MAX_VALUE, score))) << 32) | set;
}
