/** Answering queries: what is asked for is ranked, with what its prefetches found, and the rows become points of the answer. */
import { after } from "../../runtime/after.js";
import { BlobView } from "../blobs.js";
import { PointReader } from "../points.js";
import type { QueryRequest, QueryResponse, RawJson } from "../schema/index.js";
import { explanation } from "./explain.js";
import { rankTree, type StageRanking } from "./prefetch.js";
import { DEFAULT_LIMIT, type QueryScope } from "./ranking.js";

export { rankTree as rank } from "./prefetch.js";
export { DEFAULT_LIMIT, type QueryScope } from "./ranking.js";
export { compiled } from "./shared-filters.js";

/** What of each found point goes into the answer. */
export function queryReader(
  { name, collection, state }: QueryScope,
  request: Pick<QueryRequest, "with_payload" | "with_vector" | "with_blobs">,
): PointReader {
  const { with_payload: payload, with_vector: vector, with_blobs: blobs } = request;
  return new PointReader(state.config, payload, vector, false, false, BlobView.of(name, collection, blobs));
}

/** A promise only where something has to be read from files. */
export function answerQuery(
  scope: QueryScope,
  request: QueryRequest,
): QueryResponse<RawJson> | Promise<QueryResponse<RawJson>> {
  const began = performance.now();
  const reader = queryReader(scope, request);
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
