/** Answering how many points hold each value of a field. */
import { parsePath } from "../../payload/path.js";
import { facetCounts } from "../../query/facets.js";
import { VicinalError } from "../../runtime/errors.js";
import type { CollectionState } from "../../segment/state.js";
import type { FacetRequest, FacetResponse } from "../schema/index.js";
import { compiled, DEFAULT_LIMIT } from "./queries.js";

const COUNTED_TYPES: readonly string[] = ["keyword", "integer", "bool", "uuid"];

/** BAD_REQUEST when the field has no index that knows single values. */
export function answerFacet(state: CollectionState, request: FacetRequest): FacetResponse {
  const { fields } = state.config;
  const path = parsePath(request.key, "key").text;
  const schema = Object.hasOwn(fields, path) ? fields[path] : undefined;
  if (!schema || !COUNTED_TYPES.includes(schema.type))
    throw new VicinalError(
      "BAD_REQUEST",
      `Bad request: key: \`${path}\` has no index to count values of; create one of type keyword, integer, bool or uuid`,
      { field: "key", path },
    );
  const wanted = { limit: request.limit ?? DEFAULT_LIMIT, filter: compiled(request.filter) };
  return { hits: facetCounts(state, { path, schema }, wanted) };
}
