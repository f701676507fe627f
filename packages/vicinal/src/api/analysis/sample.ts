/** The points of an analysis with their vectors, taken from the collection as it is now. */
import type { Vectors } from "../../analysis/index.js";
import type { PointId } from "../../payload/id.js";
import { isDense } from "../../query/query-vector.js";
import { candidateRows, type RankedRow } from "../../query/ranked.js";
import { after } from "../../runtime/after.js";
import { forEachBit } from "../../runtime/bits.js";
import { throwIfCancelled, yieldToOthers } from "../../runtime/cancel.js";
import { VicinalError } from "../../runtime/errors.js";
import type { Segment } from "../../segment/segment.js";
import { vectorConfig } from "../prepare.js";
import { compiled, DEFAULT_LIMIT, type QueryScope, rank } from "../queries/queries.js";
import type { AnalysisRequest } from "../schema/index.js";

const DEFAULT_MAX = 100_000;
/** Rows read between two breaths. */
const SLICE = 4096;
/** What an analysis may hold of vectors, in bytes; it takes about three times as much with its graph. */
const BUDGET_BYTES = 2 ** 30;

export interface Sample extends Vectors {
  /** Of each vector. */
  readonly ids: readonly PointId[];
}

/**
 * @throws UNKNOWN_VECTOR, UNSUPPORTED of other than dense vectors, OUT_OF_RANGE where there are more points than `limit`,
 * OUT_OF_MEMORY where their vectors are too large together, CANCELLED
 */
export async function takenSample(
  scope: QueryScope,
  request: AnalysisRequest,
  signal?: AbortSignal,
): Promise<Sample> {
  const { state } = scope;
  const using = request.using ?? "";
  const { size, distance, multi } = vectorConfig(state.config, using);
  if (multi)
    throw new VicinalError("UNSUPPORTED", `using: \`${using}\` is a multi-vector, dense ones are analysed`, {
      field: "using",
    });
  const most = request.limit ?? DEFAULT_MAX;
  const rows = await rowsOf(scope, request, using);
  const count = rows.reduce((sum, { numbers }) => sum + numbers.length, 0);
  if (count > most)
    throw new VicinalError(
      "OUT_OF_RANGE",
      `limit: ${count} points are asked for, at most ${most} are taken`,
      {
        path: "limit",
        count,
      },
    );
  if (count * size * 4 > BUDGET_BYTES)
    throw new VicinalError(
      "OUT_OF_MEMORY",
      `The vectors of ${count} points are too large to analyse together`,
      {
        bytes: count * size * 4,
        most: BUDGET_BYTES,
      },
    );
  const leave = rows.map(({ segment }) => segment.readers.enter());
  try {
    const ids: PointId[] = [];
    const data = new Float32Array(count * size);
    for (const { segment, numbers } of rows) {
      const column = segment.vectors.get(using);
      for (let from = 0; column && from < numbers.length; from += SLICE) {
        const slice = numbers.slice(from, from + SLICE);
        const vectors = await column.getMany(slice);
        slice.forEach((row, i) => {
          const vector = vectors[i];
          if (!vector || !isDense(vector)) return;
          data.set(vector.data, ids.length * size);
          ids.push(segment.ids.get(row));
        });
        await yieldToOthers();
        throwIfCancelled(signal);
      }
    }
    return { ids, count: ids.length, dimensions: size, metric: distance, data };
  } finally {
    for (const done of leave) done();
  }
}

interface SegmentRows {
  segment: Segment;
  numbers: number[];
}

/** Live rows with the vector: those that the query finds, or all that pass the filter. */
async function rowsOf(
  scope: QueryScope,
  { of, filter }: AnalysisRequest,
  using: string,
): Promise<SegmentRows[]> {
  const rows = new Map<Segment, number[]>();
  const take = (segment: Segment, row: number) => {
    if (!segment.vectors.get(using)?.has(row)) return;
    const known = rows.get(segment);
    if (known) known.push(row);
    else rows.set(segment, [row]);
  };
  if (of) {
    const both = of.filter && filter ? { must: [of.filter, filter] } : (of.filter ?? filter);
    const window = { filter: both, limit: Number(of.limit ?? DEFAULT_LIMIT), offset: Number(of.offset ?? 0) };
    await after(
      rank(scope, of, window, ({ rows: found }) => {
        for (const { segment, row } of found as RankedRow[]) take(segment, row);
      }),
      () => undefined,
    );
  } else
    for (const segment of scope.state.segments())
      forEachBit(candidateRows(scope.state, segment, compiled(filter)), (row) => take(segment, row));
  return [...rows].map(([segment, numbers]) => ({ segment, numbers }));
}
