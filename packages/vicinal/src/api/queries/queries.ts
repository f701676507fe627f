/** Answering queries: what is asked for is ranked, with what its prefetches found, and the rows become points of the answer. */
import { after } from "../../runtime/after.js";
import { PointReader } from "../points.js";
import type { QueryRequest, QueryResponse, RawJson } from "../schema/index.js";
import { explanation } from "./explain.js";
import { rankTree, type StageRanking } from "./prefetch.js";
import { DEFAULT_LIMIT, type QueryScope } from "./ranking.js";

export { rankTree as rank } from "./prefetch.js";
export { DEFAULT_LIMIT, type QueryScope } from "./ranking.js";
export { compiled } from "./shared-filters.js";

/** A promise only where something has to be read from files. */
export function answerQuery(
  scope: QueryScope,
  request: QueryRequest,
): QueryResponse<RawJson> | Promise<QueryResponse<RawJson>> {
  const began = performance.now();
  const reader = new PointReader(scope.state.config, request.with_payload, request.with_vector, false);
  const window = {
    filter: request.filter,
    limit: Number(request.limit ?? DEFAULT_LIMIT),
    offset: Number(request.offset ?? 0),
  };
  const read = ({ rows, stage }: StageRanking) => {
    const reading = performance.now();
    return { points: rows.map((row) => reader.readRanked(row)), stage, reading };
  };
  return after(rankTree(scope, request, window, read), ({ points, stage, reading }) =>
    after(reader.complete(), () => {
      if (!request.params?.explain) return { points };
      return { points, explain: explanation(stage, { began, reading, ended: performance.now() }) };
    }),
  );
}
