/**
 * Weights of a sparse query's terms by how rare they are, where its vectors' modifier is `idf`:
 *
 *   ln(1 + (N - n + 0.5) / (n + 0.5))    N vectors, n of them with the term
 *
 * Robertson & Walker (1994), with the 1 added that keeps it positive. N and n are counted over all segments, so that scores of
 * points in several of them compare, and over live points alone, so that what was overwritten does not weigh. Or over a corpus: the
 * points that match a filter.
 */
import type { SparseVector } from "../../index/sparse/index.js";
import { candidateRows } from "../../query/ranked.js";
import { countBits } from "../../runtime/bits.js";
import { VicinalError } from "../../runtime/errors.js";
import type { CollectionConfig } from "../../segment/config.js";
import type { CollectionState } from "../../segment/state.js";
import { sparseVectorConfig } from "../prepare.js";
import type { SearchParams } from "../schema/index.js";
import type { Asked } from "./ranking.js";
import { SharedFilters } from "./shared-filters.js";

/** BAD_REQUEST where statistics are chosen that nothing asks for. */
export function checkIdf(config: CollectionConfig, { params, using }: Asked, at: string): void {
  if (!params?.idf) return;
  const name = using ?? "";
  if (sparseVectorConfig(config, name)?.modifier === "idf") return;
  throw new VicinalError(
    "BAD_REQUEST",
    `Bad request: params.idf: \`${name}\` is no sparse vector with the modifier idf`,
    { path: "params.idf", query: at, using: name },
  );
}

/** How often a query's terms are in the vectors of a collection, or of a corpus in it. */
export interface TermCounts {
  vectors: number;
  /** By term: vectors that have it. */
  withTerm: ReadonlyMap<number, number>;
}

/**
 * The query as its vectors' modifier wants it.
 * @param given Counts that say more than this collection's own: those of all shards.
 */
export function weighted(
  state: CollectionState,
  using: string,
  query: SparseVector,
  idf: SearchParams["idf"],
  filters: SharedFilters,
  given?: TermCounts,
): SparseVector {
  if (sparseVectorConfig(state.config, using)?.modifier !== "idf") return query;
  const { vectors, withTerm } = given ?? termCounts(state, using, query.terms, idf, filters);
  const values = query.values.map((value, i) => {
    const count = withTerm.get(query.terms[i]) ?? 0;
    return value * Math.log1p((vectors - count + 0.5) / (count + 0.5));
  });
  return { terms: query.terms, values };
}

export function termCounts(
  state: CollectionState,
  using: string,
  terms: Iterable<number>,
  idf: SearchParams["idf"],
  filters = new SharedFilters(),
): TermCounts {
  const corpus = idf && typeof idf === "object" ? filters.compiled(idf.corpus) : undefined;
  const withTerm = new Map(Array.from(terms, (term) => [term, 0]));
  let vectors = 0;
  for (const segment of state.segments()) {
    const column = segment.sparse.get(using);
    if (!column) continue;
    const whole = !corpus && segment.deadCount === 0;
    const bits = whole ? undefined : column.ordinalBits(candidateRows(state, segment, corpus));
    vectors += bits ? countBits(bits) : column.count;
    for (const [term, count] of withTerm) withTerm.set(term, count + column.index.frequency(term, bits));
  }
  return { vectors, withTerm };
}

/** Of all shards together. */
export function summedCounts(counts: readonly TermCounts[]): TermCounts {
  const withTerm = new Map<number, number>();
  let vectors = 0;
  for (const one of counts) {
    vectors += one.vectors;
    for (const [term, count] of one.withTerm) withTerm.set(term, (withTerm.get(term) ?? 0) + count);
  }
  return { vectors, withTerm };
}
