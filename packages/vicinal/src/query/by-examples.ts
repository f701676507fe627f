/**
 * The best points by an objective over several examples, exactly: every matching vector is compared with every example, one scan
 * for each, and the distances are put together by ordinals. Cost: examples x matching vectors, and 4 bytes of memory for each.
 */
import type { Metric } from "../index/contract.js";
import { clearBit, countBits, forEachBit } from "../runtime/bits.js";
import type { Segment } from "../segment/segment.js";
import type { CollectionState, Place } from "../segment/state.js";
import type { VectorColumn } from "../segment/vector-column.js";
import { Best } from "./best.js";
import type { RowFilter } from "./matching.js";
import type { Objective } from "./objectives.js";
import { candidateRows, type RankedRow } from "./ranked.js";
import { whenDone } from "./search.js";

export interface ByExamples {
  /** Name of the vector. */
  using: string;
  metric: Metric;
  /** Of unit length where the metric is Cosine; as many as the objective counts. */
  examples: readonly Float32Array[];
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
    const column = segment.vectors.get(request.using);
    if (!column || column.store.count === 0 || segment.liveCount === 0) continue;
    const rows = candidateRows(state, segment, request.filter).slice();
    for (const place of request.except) if (place.segment === segment) clearBit(rows, place.row);
    const part = { segment, column, bits: column.ordinalBits(rows) };
    if (column.file)
      late.push(distancesFromFile(part, request).then((all) => rankPart(part, all, request, best)));
    else rankPart(part, distancesInMemory(part, request), request, best);
  }
  const answer = () => read(best.sorted());
  return late.length === 0 ? answer() : whenDone(late, state.segments(), answer);
}

/** The part of one segment. */
interface Part {
  segment: Segment;
  column: VectorColumn;
  /** Ordinals that are compared. */
  bits: Uint32Array;
}

type Scan = Exclude<ReturnType<VectorColumn["scan"]>, Promise<unknown>>;

function distancesInMemory({ column, bits }: Part, { examples }: ByExamples): Float32Array[] {
  const k = countBits(bits);
  return examples.map((query) => byOrdinal(column, column.scan({ query, k, bits }) as Scan));
}

/** One scan after the other, so that the file is read by one at a time. */
async function distancesFromFile({ column, bits }: Part, { examples }: ByExamples): Promise<Float32Array[]> {
  const k = countBits(bits);
  const all: Float32Array[] = [];
  for (const query of examples) all.push(byOrdinal(column, await column.scan({ query, k, bits })));
  return all;
}

function byOrdinal({ store }: VectorColumn, { ordinals, distances }: Scan): Float32Array {
  const all = new Float32Array(store.count);
  for (let i = 0; i < ordinals.length; i++) all[ordinals[i]] = distances[i];
  return all;
}

function rankPart(
  { segment, column, bits }: Part,
  distances: readonly Float32Array[],
  { metric, objective }: ByExamples,
  best: Best<RankedRow>,
): void {
  let ordinal = 0;
  const similarity =
    metric === "Cosine"
      ? (example: number) => 1 - distances[example][ordinal]
      : (example: number) => -distances[example][ordinal];
  forEachBit(bits, (current) => {
    ordinal = current;
    const score = objective.score(similarity);
    if (best.last && score <= best.last.score) return;
    best.add({ segment, row: column.row(current), score });
  });
}
