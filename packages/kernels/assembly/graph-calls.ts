// What the host calls of graphs: each entry picks the scorer once and runs a straight loop.
// Unit vectors are in the same order under Euclid as under Cosine, so one float scorer serves both.

import { Graph, NONE, Slot } from "./graph";
import { giveBackAll, insertNodes, placeNodes } from "./insert";
import { keyOf, offer, sortHeap, splitKeys } from "./keys";
import { linkBack, linkNodes, trimLists } from "./link";
import { Dot, Euclid, Manhattan, Metric } from "./metrics";
import { fillRandom, join, NnDescent } from "./nn-descent";
import { repairGraph } from "./repair";
import { scoreList } from "./scan";
import { CodeScorer, FloatScorer } from "./scorers";
import { begin, keyAt, nodeOf, walk } from "./walk";

/** Inserts the nodes of a list (u32) into a layered graph, in its order, with a beam of `ef` (at most the slot's pool). */
export function graphInsert(g: Graph, s: Slot, list: usize, length: u32, ef: u32): void {
  if (g.codes) insertNodes<CodeScorer>(g, s, list, length, ef);
  else if (g.metric <= Metric.Cosine) insertNodes<FloatScorer<Euclid>>(g, s, list, length, ef);
  else if (g.metric == Metric.Dot) insertNodes<FloatScorer<Dot>>(g, s, list, length, ef);
  else insertNodes<FloatScorer<Manhattan>>(g, s, list, length, ef);
}

/** First half of the insertion of a batch; see insert.ts. */
export function graphPlace(g: Graph, s: Slot, list: usize, length: u32, ef: u32): void {
  if (g.codes) placeNodes<CodeScorer>(g, s, list, length, ef);
  else if (g.metric <= Metric.Cosine) placeNodes<FloatScorer<Euclid>>(g, s, list, length, ef);
  else if (g.metric == Metric.Dot) placeNodes<FloatScorer<Dot>>(g, s, list, length, ef);
  else placeNodes<FloatScorer<Manhattan>>(g, s, list, length, ef);
}

/** Second half of the insertion of a batch, for the nodes of a share; see insert.ts. */
export function graphGiveBack(g: Graph, s: Slot, list: usize, length: u32, share: u32, shares: u32): void {
  if (g.codes) giveBackAll<CodeScorer>(g, s, list, length, share, shares);
  else if (g.metric <= Metric.Cosine) giveBackAll<FloatScorer<Euclid>>(g, s, list, length, share, shares);
  else if (g.metric == Metric.Dot) giveBackAll<FloatScorer<Dot>>(g, s, list, length, share, shares);
  else giveBackAll<FloatScorer<Manhattan>>(g, s, list, length, share, shares);
}

/** Links the nodes of a list in a flat graph; see link.ts. `ef` and `width` are at most the slot's pool. */
export function graphLink(
  g: Graph, t: Graph, s: Slot, list: usize, length: u32, ef: u32, width: u32, visited: bool, most: u32, keep: u32,
  factor: f32,
): void {
  if (g.codes) linkNodes<CodeScorer>(g, t, s, list, length, ef, width, visited, most, keep, factor);
  else if (g.metric <= Metric.Cosine)
    linkNodes<FloatScorer<Euclid>>(g, t, s, list, length, ef, width, visited, most, keep, factor);
  else if (g.metric == Metric.Dot)
    linkNodes<FloatScorer<Dot>>(g, t, s, list, length, ef, width, visited, most, keep, factor);
  else linkNodes<FloatScorer<Manhattan>>(g, t, s, list, length, ef, width, visited, most, keep, factor);
}

/** Gives every link of a list's nodes its link back; see link.ts. */
export function graphLinkBack(g: Graph, s: Slot, list: usize, length: u32, keep: u32, factor: f32): void {
  if (g.codes) linkBack<CodeScorer>(g, s, list, length, keep, factor);
  else if (g.metric <= Metric.Cosine) linkBack<FloatScorer<Euclid>>(g, s, list, length, keep, factor);
  else if (g.metric == Metric.Dot) linkBack<FloatScorer<Dot>>(g, s, list, length, keep, factor);
  else linkBack<FloatScorer<Manhattan>>(g, s, list, length, keep, factor);
}

/** Copies lists into a graph with fewer slots; see link.ts. */
export function graphTrim(g: Graph, t: Graph, s: Slot, list: usize, length: u32, factor: f32): void {
  if (g.codes) trimLists<CodeScorer>(g, t, s, list, length, factor);
  else if (g.metric <= Metric.Cosine) trimLists<FloatScorer<Euclid>>(g, t, s, list, length, factor);
  else if (g.metric == Metric.Dot) trimLists<FloatScorer<Dot>>(g, t, s, list, length, factor);
  else trimLists<FloatScorer<Manhattan>>(g, t, s, list, length, factor);
}

/** Makes every node reachable; see `repairGraph`. */
export function graphRepair(g: Graph, s: Slot, count: u32, ef: u32, reached: usize, stack: usize): u32 {
  if (g.codes) return repairGraph<CodeScorer>(g, s, count, ef, reached, stack);
  if (g.metric <= Metric.Cosine) return repairGraph<FloatScorer<Euclid>>(g, s, count, ef, reached, stack);
  if (g.metric == Metric.Dot) return repairGraph<FloatScorer<Dot>>(g, s, count, ef, reached, stack);
  return repairGraph<FloatScorer<Manhattan>>(g, s, count, ef, reached, stack);
}

/** Gives nodes from..to-1 of a list random neighbours; see nn-descent.ts. */
export function nnFill(n: NnDescent, s: Slot, from: u32, to: u32): void {
  const g = n.graph;
  if (g.codes) fillRandom<CodeScorer>(n, s, from, to);
  else if (g.metric <= Metric.Cosine) fillRandom<FloatScorer<Euclid>>(n, s, from, to);
  else if (g.metric == Metric.Dot) fillRandom<FloatScorer<Dot>>(n, s, from, to);
  else fillRandom<FloatScorer<Manhattan>>(n, s, from, to);
}

/** Compares the neighbours of nodes from..to-1 of a list with each other; returns how many entries changed. */
export function nnJoin(n: NnDescent, s: Slot, from: u32, to: u32): u32 {
  const g = n.graph;
  if (g.codes) return join<CodeScorer>(n, s, from, to);
  if (g.metric <= Metric.Cosine) return join<FloatScorer<Euclid>>(n, s, from, to);
  if (g.metric == Metric.Dot) return join<FloatScorer<Dot>>(n, s, from, to);
  return join<FloatScorer<Manhattan>>(n, s, from, to);
}

function find<S>(g: Graph, s: Slot, ef: u32, width: u32, bits: usize, budget: u32): u32 {
  changetype<S>(0).loadQuery(g, s);
  return walk<S>(g, s, 0, begin<S>(g, s), ef, width, bits, budget);
}

/**
 * The nearest k to the slot's query, found with a beam of `ef`; `refine` >= k of them are measured again on the floats.
 * With `bits`, only nodes whose bits are set are answered, the walk's beam has `width` >= ef nodes and the walk
 * stops after `budget` distances. The slot's pool must hold max(ef, width). Returns how many were found.
 */
export function graphSearch(
  g: Graph, s: Slot, k: u32, ef: u32, refine: u32, bits: usize, width: u32, budget: u32,
): u32 {
  s.scored = 0;
  s.expanded = 0;
  s.exhausted = 1;
  if (g.entry == NONE) return 0;
  let size: u32;
  if (g.codes) size = find<CodeScorer>(g, s, ef, width, bits, budget);
  else if (g.metric <= Metric.Cosine) size = find<FloatScorer<Euclid>>(g, s, ef, width, bits, budget);
  else if (g.metric == Metric.Dot) size = find<FloatScorer<Dot>>(g, s, ef, width, bits, budget);
  else size = find<FloatScorer<Manhattan>>(g, s, ef, width, bits, budget);

  const answer = bits ? s.results : s.pool;
  size = min(size, refine);
  for (let i: u32 = 0; i < size; i++) store<u32>(s.ordinals + (<usize>i << 2), nodeOf(keyAt(answer, i)));
  scoreList(g.metric, s.query, g.rows, g.dimensions, s.ordinals, size, s.distances);
  let found: u32 = 0;
  for (let i: u32 = 0; i < size; i++) {
    const at = <usize>i << 2;
    found = offer(answer, found, k, keyOf(load<f32>(s.distances + at), load<u32>(s.ordinals + at)));
  }
  sortHeap(answer, found);
  splitKeys(answer, found, s.ordinals, s.distances);
  return found;
}
