/**
 * The best points by an objective over several examples, exactly: every matching vector is compared with every example, one scan
 * for each, and the distances are put together by rows. Cost: examples x matching vectors, and 4 bytes of memory for each.
 */
import type { Metric } from "../index/contract.js";
import { after } from "../runtime/after.js";
import { clearBit, forEachBit } from "../runtime/bits.js";
import type { Segment } from "../segment/segment.js";
import type { CollectionState, Place } from "../segment/state.js";
import { Best } from "./best.js";
import type { RowFilter } from "./matching.js";
import type { Objective } from "./objectives.js";
import type { QueryVector } from "./query-vector.js";
import { candidateRows, type RankedRow } from "./ranked.js";
import { rowDistances } from "./row-distances.js";
import { whenDone } from "./search.js";

export interface ByExamples {
  /** Name of the vector. */
  using: string;
  metric: Metric;
  /** As many as the objective counts. */
  examples: readonly QueryVector[];
  objective: Objective;
  filter: RowFilter | undefined;
  /** Not to be answered. */
  except: readonly Place[];
  limit: number;
}

/** Hands the rows to `read`, best first, equally good ones in the order of segments; a promise only where vectors lie in files. */
export function rankByExamples<R>(
  state: CollectionState,
  request: ByExamples,
  read: (rows: RankedRow[]) => R | Promise<R>,
): R | Promise<R> {
  const best = new Best<RankedRow>(request.limit, (a, b) => b.score - a.score);
  const late: Promise<void>[] = [];
  for (const segment of state.segments()) {
    const column = segment.column(request.using);
    if (!column || segment.liveCount === 0) continue;
    const rows = candidateRows(state, segment, request.filter).slice();
    for (const place of request.except) if (place.segment === segment) clearBit(rows, place.row);
    const distances = distancesFrom(column, request.examples, rows);
    const ranked = after(distances, (all) => rankPart(segment, rows, all, request, best));
    if (ranked instanceof Promise) late.push(ranked);
  }
  const answer = () => read(best.sorted());
  return late.length === 0 ? answer() : whenDone(late, state.segments(), answer);
}

type Column = NonNullable<ReturnType<Segment["column"]>>;

/** One example after the other, so that a file is read by one at a time. */
function distancesFrom(
  column: Column,
  examples: readonly QueryVector[],
  rows: Uint32Array,
  found: Float32Array[] = [],
): Float32Array[] | Promise<Float32Array[]> {
  for (let i = found.length; i < examples.length; i++) {
    const distances = rowDistances(column, examples[i], rows);
    if (distances instanceof Promise)
      return distances.then((some) => distancesFrom(column, examples, rows, [...found, some]));
    found.push(distances);
  }
  return found;
}

function rankPart(
  segment: Segment,
  rows: Uint32Array,
  distances: readonly Float32Array[],
  { using, metric, objective }: ByExamples,
  best: Best<RankedRow>,
): void {
  const column = segment.column(using);
  let row = 0;
  const similarity =
    metric === "Cosine"
      ? (example: number) => 1 - distances[example][row]
      : (example: number) => -distances[example][row];
  forEachBit(rows, (current) => {
    if (!column?.has(current)) return;
    row = current;
    const score = objective.score(similarity);
    if (best.last && score <= best.last.score) return;
    best.add({ segment, row, score });
  });
}
