/** Counts of a field's values, and distances among a sample of points. */
import {
  array,
  boolean,
  type Infer,
  named,
  number,
  object,
  optional,
  string,
  uint64,
  union,
  unsigned,
} from "../../runtime/schema.js";
import { extendedPointId, shardKeyField } from "./common.js";
import { filter } from "./filter.js";

export const facetRequest = named(
  "FacetRequest",
  object({
    key: string().describe("A field with an index of type keyword, integer, bool or uuid."),
    limit: optional(unsigned({ min: 1 })).describe("Default 10."),
    filter: optional(filter),
    exact: optional(boolean()).describe("Without effect: counts are always exact."),
    shard_key: shardKeyField,
  }),
);
export type FacetRequest = Infer<typeof facetRequest>;

export const facetResponse = named(
  "FacetResponse",
  object({
    hits: array(
      named(
        "FacetValueHit",
        object({
          value: named("FacetValue", union(string(), number(), uint64(), boolean())),
          count: unsigned(),
        }),
      ),
    ),
  }),
);
/** The most frequent values first. */
export type FacetResponse = Infer<typeof facetResponse>;

export const searchMatrixRequest = named(
  "SearchMatrixRequest",
  object({
    filter: optional(filter),
    sample: optional(unsigned({ min: 2 })).describe("Points to choose by chance. Default 10."),
    limit: optional(unsigned({ min: 1 })).describe("Neighbours of each among them. Default 3."),
    using: optional(string()).describe("Name of the vector to compare. Default: the one without a name."),
    shard_key: shardKeyField,
  }),
);
export type SearchMatrixRequest = Infer<typeof searchMatrixRequest>;

export const searchMatrixPairs = named(
  "SearchMatrixPairsResponse",
  object({
    pairs: array(
      named("SearchMatrixPair", object({ a: extendedPointId, b: extendedPointId, score: number() })),
    ),
  }),
);
export type SearchMatrixPairs = Infer<typeof searchMatrixPairs>;

export const searchMatrixOffsets = named(
  "SearchMatrixOffsetsResponse",
  object({
    offsets_row: array(unsigned()),
    offsets_col: array(unsigned()),
    scores: array(number()),
    ids: array(extendedPointId),
  }),
);
/** A sparse matrix: row and column of each score, as places in `ids`. */
export type SearchMatrixOffsets = Infer<typeof searchMatrixOffsets>;
