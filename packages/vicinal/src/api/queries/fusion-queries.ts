/** Queries that put the rankings of several prefetches together: `{fusion}` and `{rrf}`. */
import { fusedByRank, fusedByScore, RRF_K } from "../../query/fusion.js";
import type { RankedRow } from "../../query/ranked.js";
import { VicinalError } from "../../runtime/errors.js";
import type { QueryInterface, Rrf } from "../schema/index.js";
import { type Asked, type MergeQuery, mergedRanking } from "./ranking.js";

/** Undefined for other queries. BAD_REQUEST with as many weights as there are no prefetches. */
export function fusionQuery(query: QueryInterface, asked: Asked, at: string): MergeQuery | undefined {
  if (typeof query !== "object") return undefined;
  if ("rrf" in query) return byRank(query.rrf, asked, `${at}.rrf`);
  if (!("fusion" in query)) return undefined;
  return query.fusion === "rrf" ? byRank({}, asked, at) : fusion("dbsf", asked, fusedByScore);
}

function byRank({ k, weights }: Rrf, asked: Asked, at: string): MergeQuery {
  const sources = [asked.prefetch ?? []].flat().length;
  if (weights && weights.length !== sources)
    throw new VicinalError(
      "BAD_REQUEST",
      `Wrong input: Number of weights in RRF should match number of pre-fetches: got ${weights.length}, expected ${sources}`,
      { field: `${at}.weights` },
    );
  const how = { k: k ?? RRF_K, weights: weights ?? undefined };
  return fusion("rrf", asked, (rankings) => fusedByRank(rankings, how));
}

function fusion(
  kind: string,
  asked: Asked,
  fuse: (rankings: readonly RankedRow[][]) => RankedRow[],
): MergeQuery {
  return {
    kind,
    name: "Fusion",
    merge: (rankings, window, read) => read(mergedRanking(fuse(rankings), asked, window)),
  };
}
