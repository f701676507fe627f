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
import type { RowFilter } from "../../query/matching.js";
import { candidateRows } from "../../query/ranked.js";
import { countBits } from "../../runtime/bits.js";
import { VicinalError } from "../../runtime/errors.js";
import type { CollectionConfig } from "../../segment/config.js";
import type { CollectionState } from "../../segment/state.js";
import { sparseVectorConfig } from "../prepare.js";
import type { SearchParams } from "../schema/index.js";
import type { Asked } from "./ranking.js";
import type { SharedFilters } from "./shared-filters.js";

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

interface Counts {
  vectors: number;
  /** Of each term of the query. */
  withTerm: Float64Array;
}

/** The query as its vectors' modifier wants it. */
export function weighted(
  state: CollectionState,
  using: string,
  query: SparseVector,
  idf: SearchParams["idf"],
  filters: SharedFilters,
): SparseVector {
  if (sparseVectorConfig(state.config, using)?.modifier !== "idf") return query;
  const corpus = idf && typeof idf === "object" ? filters.compiled(idf.corpus) : undefined;
  const { vectors, withTerm } = counted(state, using, query.terms, corpus);
  const values = query.values.map(
    (value, i) => value * Math.log1p((vectors - withTerm[i] + 0.5) / (withTerm[i] + 0.5)),
  );
  return { terms: query.terms, values };
}

function counted(
  state: CollectionState,
  using: string,
  terms: Uint32Array,
  corpus: RowFilter | undefined,
): Counts {
  const counts: Counts = { vectors: 0, withTerm: new Float64Array(terms.length) };
  for (const segment of state.segments()) {
    const column = segment.sparse.get(using);
    if (!column) continue;
    const whole = !corpus && segment.deadCount === 0;
    const bits = whole ? undefined : column.ordinalBits(candidateRows(state, segment, corpus));
    counts.vectors += bits ? countBits(bits) : column.count;
    terms.forEach((term, i) => {
      counts.withTerm[i] += column.index.frequency(term, bits);
    });
  }
  return counts;
}
