// Probing the hash tables for the nearest vectors to a query.

import { keyOf, offer, siftDown, sortHeap, splitKeys } from "./keys";
import { BATCH, Lsh, MOVE_BYTES, MOVES, POPS_PER_PROBE, Work } from "./lsh";
import { mix, project, sumOf } from "./lsh-hash";
import { listMoves, scoreAt } from "./lsh-moves";
import { scoreList } from "./scan";

/** The heap of sets holds whatever is put into it. */
const NO_LIMIT: u32 = u32.MAX_VALUE;

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
    waiting = offer(w.heap, waiting, NO_LIMIT, ~scoreKey(scoreAt(moves, 0), made++));
  }
  let pops = effort * POPS_PER_PROBE;
  while (waiting && pops && w.probed < effort) {
    pops--;
    const key = ~load<u64>(w.heap);
    waiting--;
    if (waiting) siftDown(w.heap, waiting, load<u64>(w.heap + (<usize>waiting << 3)));
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
      waiting = offer(w.heap, waiting, NO_LIMIT, ~scoreKey(shifted, <u32>key));
      store<u32>(w.sets + (<usize>made << 3), chosen | (1 << (last + 1)));
      store<u32>(w.sets + (<usize>made << 3), table, 4);
      waiting = offer(w.heap, waiting, NO_LIMIT, ~scoreKey(score + next, made++));
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
