/** Recommendation and discovery in the form of older clients, and the queries that they stand for. */
import {
  array,
  count,
  type Infer,
  named,
  object,
  optional,
  refined,
  unsigned,
} from "../../runtime/schema.js";
import { groupFields } from "./groups.js";
import { contextPair, type QueryInterface, queryFields, recommendFields } from "./query.js";
import { vectorInput } from "./vectors.js";

const { prefetch: _prefetch, query: _query, ...sharedFields } = queryFields;
const page = { limit: count({ min: 1 }), offset: optional(count()) };

const recommendation = { ...recommendFields, ...sharedFields };

export const recommendRequest = named("RecommendRequest", object({ ...recommendation, ...page }));
export type RecommendRequest = Infer<typeof recommendRequest>;

export const recommendRequestBatch = named(
  "RecommendRequestBatch",
  object({ searches: array(recommendRequest) }),
);

export const recommendGroupsRequest = named(
  "RecommendGroupsRequest",
  object({
    ...recommendation,
    ...groupFields,
    group_size: unsigned({ min: 1 }),
    limit: unsigned({ min: 1 }),
  }),
);

type Recommendation = Pick<RecommendRequest, "positive" | "negative" | "strategy">;

/** The query that a request of the older form stands for. The argument has passed its schema. */
export function queryOfRecommend<R extends Recommendation>({ positive, negative, strategy, ...rest }: R) {
  return { ...rest, query: { recommend: { positive, negative, strategy } } satisfies QueryInterface };
}

export const discoverRequest = named(
  "DiscoverRequest",
  refined(
    object({
      target: optional(vectorInput).describe("Point or vector to be near to."),
      context: optional(array(contextPair)).describe(
        "Pairs of examples: points that are nearer to the positive one than to the negative one are preferred.",
      ),
      ...sharedFields,
      ...page,
    }),
    ({ target, context }) =>
      (target ?? undefined) === undefined && !context?.length
        ? "a `target` or a `context` must be given"
        : undefined,
  ),
);
export type DiscoverRequest = Infer<typeof discoverRequest>;

export const discoverRequestBatch = named(
  "DiscoverRequestBatch",
  object({ searches: array(discoverRequest) }),
);

/** Without a target the context alone is asked for. The argument has passed its schema. */
export function queryOfDiscover({ target, context, ...rest }: DiscoverRequest) {
  const pairs = context ?? [];
  const query: QueryInterface =
    target === undefined || target === null ? { context: pairs } : { discover: { target, context: pairs } };
  return { ...rest, query };
}
