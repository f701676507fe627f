/** Searching: the universal query, and the older search that maps onto it. */
import {
  array,
  boolean,
  choice,
  count,
  type Infer,
  lazy,
  named,
  nestedAtMost,
  nullable,
  number,
  type ObjectOf,
  object,
  oneOrMany,
  optional,
  type Schema,
  string,
  union,
  unsigned,
} from "../../runtime/schema.js";
import { withBlobsField } from "./blobs.js";
import { shardKeyField, withPayload, withVector } from "./common.js";
import { filter } from "./filter.js";
import { formulaQuery } from "./formula.js";
import { orderByInterface } from "./order-by.js";
import { relevanceFeedbackQuery } from "./relevance-feedback.js";
import { rerankQuery } from "./rerank.js";
import { searchVector, type VectorInput, vectorInput } from "./vectors.js";

export const searchParams = named(
  "SearchParams",
  object({
    recall: optional(number({ min: 0, max: 1 })).describe(
      "The share of true neighbours to find, Vicinal's own field: the engine picks the effort from its measured curve.",
    ),
    effort: optional(unsigned({ min: 1 })).describe(
      "The index's own dial (ef, probes, checks, ...), Vicinal's own field; overrides `recall`.",
    ),
    explain: optional(boolean()).describe(
      "Answer how the points were found, too. Vicinal's own field. Default false.",
    ),
    hnsw_ef: optional(unsigned({ min: 1 })).describe(
      "Candidates that a graph walk keeps; overrides `recall`. Other indexes pass it over.",
    ),
    exact: optional(boolean()).describe("Compare with every point. Default false."),
    quantization: optional(
      named(
        "QuantizationSearchParams",
        object({
          ignore: optional(boolean()),
          rescore: optional(boolean()),
          oversampling: optional(number({ min: 1 })).describe(
            "So many times as many candidates are searched for as hits are wanted. Default 1.",
          ),
        }),
      ),
    ),
    indexed_only: optional(boolean()).describe("Leave out segments without an index. Default false."),
    acorn: optional(
      named(
        "AcornSearchParams",
        object({ enable: optional(boolean()), max_selectivity: optional(number({ min: 0, max: 1 })) }),
      ),
    ),
    idf: optional(
      union(choice("global"), named("IdfCorpusParams", object({ corpus: filter }))).describe(
        "Among which points a sparse query's terms are counted. Default all of the collection.",
      ),
    ),
  }),
);
export type SearchParams = Infer<typeof searchParams>;

const mmr = named(
  "Mmr",
  object({
    diversity: optional(number({ min: 0, max: 1 })).describe(
      "0 takes the nearest points, 1 those that are unlike the ones taken before. Default 0.5.",
    ),
    candidates_limit: optional(unsigned({ max: 16_384 })).describe(
      "How many of the nearest points are chosen among. Default: as many as are wanted.",
    ),
  }),
);
export type Mmr = Infer<typeof mmr>;

export const nearestQuery = named(
  "NearestQuery",
  object({
    nearest: vectorInput,
    mmr: optional(mmr).describe("Choose points that are unlike each other among the nearest ones."),
  }),
);

export const orderByQuery = named("OrderByQuery", object({ order_by: orderByInterface }));
export const sampleQuery = named("SampleQuery", object({ sample: choice("random") }));

/** Examples to be near to and to be far from. */
export const recommendFields = {
  positive: optional(array(vectorInput)).describe("Points or vectors to be near to."),
  negative: optional(array(vectorInput)).describe("Points or vectors to be far from."),
  strategy: optional(choice("average_vector", "best_score", "sum_scores")).describe(
    "Default average_vector, which needs a positive one.",
  ),
};
export const recommendQuery = named(
  "RecommendQuery",
  object({ recommend: named("RecommendInput", object(recommendFields)) }),
);
export type RecommendInput = Infer<typeof recommendQuery>["recommend"];

export const contextPair = named("ContextPair", object({ positive: vectorInput, negative: vectorInput }));
const contextInput = named("ContextInput", union(contextPair, array(contextPair)));
export type ContextInput = Infer<typeof contextInput>;

export const discoverQuery = named(
  "DiscoverQuery",
  object({
    discover: named("DiscoverInput", object({ target: vectorInput, context: nullable(contextInput) })),
  }),
);
export const contextQuery = named("ContextQuery", object({ context: nullable(contextInput) }));

const fusionQuery = named(
  "FusionQuery",
  object({
    fusion: named("Fusion", choice("rrf", "dbsf")).describe(
      "By ranks (reciprocal rank fusion), or by scores as their distribution makes them comparable.",
    ),
  }),
);
const rrf = named(
  "Rrf",
  object({
    k: optional(unsigned({ min: 1 })).describe("The larger, the less the first ranks stand out. Default 2."),
    weights: optional(array(number())).describe(
      "One for each prefetch. Default 1; 0 takes no account of it.",
    ),
  }),
);
export type Rrf = Infer<typeof rrf>;
const rrfQuery = named("RrfQuery", object({ rrf }));

/** What to search by: a vector, a point's stored vector, or one of the query objects. */
export const queryInterface = named(
  "QueryInterface",
  union(
    vectorInput,
    nearestQuery,
    recommendQuery,
    discoverQuery,
    contextQuery,
    relevanceFeedbackQuery,
    orderByQuery,
    sampleQuery,
    fusionQuery,
    rrfQuery,
    formulaQuery,
    rerankQuery,
  ),
);
export type QueryInterface = Infer<typeof queryInterface>;

const lookupLocation = named(
  "LookupLocation",
  object({ collection: string(), vector: optional(string()), shard_key: shardKeyField }),
);

/** What all queries have, those of a prefetch too. */
const askingFields = {
  query: optional(queryInterface).describe("Without it points come in the order of their ids."),
  using: optional(string()).describe("Name of the vector to search. Default: the one without a name."),
  filter: optional(filter),
  params: optional(searchParams),
  score_threshold: optional(number()).describe("Only points whose score is better are returned."),
  lookup_from: optional(lookupLocation).describe(
    "Where the vectors of points that are named by ids are kept. Default: here.",
  ),
};

/** A query that goes before another, which then chooses among what this one found. */
export type Prefetch = ObjectOf<typeof askingFields> & {
  prefetch?: Prefetch | Prefetch[] | null;
  limit?: number | bigint | null;
};

const DEPTH_MAX = 64;

const prefetch: Schema<Prefetch> = named(
  "Prefetch",
  nestedAtMost(
    DEPTH_MAX,
    lazy(
      () =>
        object({
          ...askingFields,
          prefetch: prefetchField,
          limit: optional(count({ min: 1 })).describe("Default 10."),
        }),
      "a prefetch",
    ),
  ),
);
const prefetchField = optional<Prefetch | Prefetch[]>(oneOrMany(prefetch)).describe(
  "Queries that go before: this one chooses among what they found. The filter holds for them too.",
);

/** What all queries have, whatever form their answer takes. */
export const queryFields = {
  ...askingFields,
  with_payload: optional(withPayload).describe("Default false."),
  with_blobs: withBlobsField,
  with_vector: optional(withVector).describe("Default false."),
  prefetch: prefetchField,
  shard_key: shardKeyField,
};

export const queryRequest = named(
  "QueryRequest",
  object({
    ...queryFields,
    limit: optional(count({ min: 1 })).describe("Default 10."),
    offset: optional(count()).describe("How many of the best to leave out. Default 0."),
  }),
);
export type QueryRequest = Infer<typeof queryRequest>;

export const queryRequestBatch = named("QueryRequestBatch", object({ searches: array(queryRequest) }));
export type QueryRequestBatch = Infer<typeof queryRequestBatch>;

/** What all searches of the older form have. */
export const searchFields = {
  vector: searchVector,
  filter: optional(filter),
  params: optional(searchParams),
  score_threshold: optional(number()),
  with_payload: optional(withPayload).describe("Default false."),
  with_vector: optional(withVector).describe("Default false."),
  shard_key: shardKeyField,
};

export const searchRequest = named(
  "SearchRequest",
  object({ ...searchFields, limit: unsigned({ min: 1 }), offset: optional(unsigned()) }),
);
export type SearchRequest = Infer<typeof searchRequest>;

export const searchRequestBatch = named("SearchRequestBatch", object({ searches: array(searchRequest) }));
export type SearchRequestBatch = Infer<typeof searchRequestBatch>;

/** The query that a search of the older endpoint stands for. The argument has passed its schema. */
export function queryOfSearch<R extends Pick<SearchRequest, "vector">>({
  vector,
  ...rest
}: R): Omit<R, "vector"> & { query: VectorInput; using?: string } {
  if (Array.isArray(vector) || ArrayBuffer.isView(vector)) return { ...rest, query: vector };
  return { ...rest, query: vector.vector, using: vector.name };
}
