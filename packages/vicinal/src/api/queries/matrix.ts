/** Distances among a random sample of points: what each has nearest in it. */
import { compileCheckedFilter } from "../../payload/filter.js";
import { comparePointIds, type PointId } from "../../payload/id.js";
import { sampledRows } from "../../query/sample.js";
import { metricOf } from "../prepare.js";
import type { SearchMatrixOffsets, SearchMatrixPairs, SearchMatrixRequest } from "../schema/index.js";
import { type QueryScope, rank } from "./queries.js";

const DEFAULT_SAMPLE = 10;
const DEFAULT_NEIGHBOURS = 3;

/** The sampled points in the order of ids, and the nearest of each among them, best first. */
export interface SampledNeighbours {
  ids: PointId[];
  neighbours: { id: PointId; score: number }[][];
}

/** Empty where fewer than two points have the vector. */
export async function sampledNeighbours(
  scope: QueryScope,
  request: SearchMatrixRequest,
): Promise<SampledNeighbours> {
  const using = request.using ?? "";
  metricOf(scope.state.config, using);
  const withVector = { has_vector: using };
  const sample = sampledRows(scope.state, {
    limit: request.sample ?? DEFAULT_SAMPLE,
    filter: compileCheckedFilter({ must: request.filter ? [request.filter, withVector] : [withVector] }),
  });
  if (sample.length < 2) return { ids: [], neighbours: [] };
  const ids = sample.map(({ segment, row }) => segment.ids.get(row)).sort(comparePointIds);
  const window = {
    filter: { must: [{ has_id: ids }] },
    limit: request.limit ?? DEFAULT_NEIGHBOURS,
    offset: 0,
  };
  const neighboursOf = (query: PointId) =>
    rank(scope, { query, using, params: { exact: true } }, window, ({ rows }) =>
      rows.map(({ segment, row, score }) => ({ id: segment.ids.get(row), score })),
    );
  return { ids, neighbours: await Promise.all(ids.map(neighboursOf)) };
}

export function matrixPairs({ ids, neighbours }: SampledNeighbours): SearchMatrixPairs {
  const pairs = neighbours.flatMap((near, i) => near.map(({ id, score }) => ({ a: ids[i], b: id, score })));
  return { pairs };
}

export function matrixOffsets({ ids, neighbours }: SampledNeighbours): SearchMatrixOffsets {
  const places = new Map(ids.map((id, place) => [id, place]));
  return {
    offsets_row: neighbours.flatMap((near, place) => near.map(() => place)),
    offsets_col: neighbours.flatMap((near) => near.map(({ id }) => places.get(id) as number)),
    scores: neighbours.flatMap((near) => near.map(({ score }) => score)),
    ids,
  };
}
