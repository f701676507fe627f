/** `{nearest, mmr}`: points that are near to a vector and unlike each other. */
import { maximalMarginalRelevance } from "../../query/mmr.js";
import type { RankedRow } from "../../query/ranked.js";
import { similarityOf, similarityOfScore } from "../../query/similarity.js";
import { after, afterEach } from "../../runtime/after.js";
import type { StoredVector } from "../../segment/effects.js";
import type { Segment } from "../../segment/segment.js";
import { metricOf } from "../prepare.js";
import type { Mmr } from "../schema/index.js";
import type { Asked, Choice, QueryScope, Ranking, Read, SearchQuery } from "./ranking.js";

export const MMR_DIVERSITY = 0.5;

/** The query by nearness alone, made diverse. */
export function diverseQuery(
  { state }: QueryScope,
  { using }: Asked,
  nearest: SearchQuery,
  { diversity, candidates_limit: candidates }: Mmr,
): SearchQuery {
  const name = using ?? "";
  const distance = metricOf(state.config, name);
  const alike = similarityOf(distance);
  return {
    kind: "mmr",
    named: nearest.named,
    search<R>(choice: Choice, read: Read<R>) {
      const wanted = choice.offset + choice.limit;
      const chosen = ({ rows, found }: Ranking) =>
        after(vectorsOf(rows, name), (vectors) => {
          const order = maximalMarginalRelevance({
            relevance: rows.map(({ score }) => similarityOfScore(distance, score)),
            similarity: (a, b) => alike(vectors[a], vectors[b]),
            diversity: diversity ?? MMR_DIVERSITY,
            limit: wanted,
          });
          return read({ rows: order.slice(choice.offset).map((candidate) => rows[candidate]), found });
        });
      return nearest.search({ ...choice, limit: candidates ?? wanted, offset: 0 }, chosen);
    },
  };
}

/** The stored vectors of rows that have one, in their order. */
function vectorsOf(rows: readonly RankedRow[], name: string): StoredVector[] | Promise<StoredVector[]> {
  const places = new Map<Segment, number[]>();
  rows.forEach(({ segment }, i) => {
    const known = places.get(segment);
    if (known) known.push(i);
    else places.set(segment, [i]);
  });
  const vectors: StoredVector[] = new Array(rows.length);
  const read = afterEach([...places], ([segment, ofSegment]) =>
    after(segment.column(name)?.getMany(ofSegment.map((i) => rows[i].row)) ?? [], (found) => {
      found.forEach((vector, i) => {
        if (vector) vectors[ofSegment[i]] = vector;
      });
    }),
  );
  return after(read, () => vectors);
}
