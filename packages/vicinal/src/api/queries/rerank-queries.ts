/**
 * `{rerank}`: the points of all prefetches by the scores of a model that is a hook. The model may take long: points are handed over
 * as their ids and payloads, so that nothing of them is held meanwhile, and are found again by their ids afterwards.
 */
import { decodePayload } from "../../payload/json.js";
import { type JsonPath, parsePath } from "../../payload/path.js";
import { includePaths } from "../../payload/select.js";
import type { RankedRow } from "../../query/ranked.js";
import { VicinalError } from "../../runtime/errors.js";
import type { Segment } from "../../segment/segment.js";
import type { CollectionState } from "../../segment/state.js";
import {
  callHook,
  hookFailed,
  type ReadyHook,
  type RerankCandidate,
  type RerankFunction,
} from "../inference/hooks.js";
import type { RerankInput } from "../schema/index.js";
import { type Asked, type MergeQuery, mergedRanking, type QueryScope } from "./ranking.js";

type Hook = ReadyHook<RerankFunction>;

/** UNKNOWN_MODEL where no hook has the name. */
export function rerankRanking(
  { state, rerankers, signal }: QueryScope,
  asked: Asked,
  { model, query, top_k: topK, fields }: RerankInput,
  at: string,
): MergeQuery {
  const hook = rerankers.get(model);
  if (!hook) throw unknownModel(model, [...rerankers.keys()], `${at}.rerank.model`);
  const paths = fields?.map((field) => parsePath(field));
  return {
    kind: "rerank",
    name: "Rerank",
    merge(rankings, window, read) {
      const candidates = bestOf(rankings, topK ?? Number.POSITIVE_INFINITY).map((row) =>
        candidateOf(row, paths),
      );
      const ranked = scored(hook, query, candidates, signal).then((scores) =>
        located(state, candidates, scores),
      );
      return ranked.then((rows) => read(mergedRanking(rows, asked, window)));
    },
  };
}

function unknownModel(model: string, known: readonly string[], at: string): VicinalError {
  const names = known.map((name) => JSON.stringify(name)).join(", ");
  const expected = known.length === 0 ? "the database has no such hooks" : `expected one of ${names}`;
  return new VicinalError(
    "UNKNOWN_MODEL",
    `${at}: there is no rerank hook ${JSON.stringify(model)}, ${expected}`,
    {
      path: at,
    },
  );
}

/** The first rows of all rankings, then the second ones, and so on, each once, with the score that it came first with. */
function bestOf(rankings: readonly (readonly RankedRow[])[], limit: number): RankedRow[] {
  const seen = new Map<Segment, Set<number>>();
  const best: RankedRow[] = [];
  const places = Math.max(0, ...rankings.map(({ length }) => length));
  for (let place = 0; place < places; place++)
    for (const ranking of rankings) {
      if (place >= ranking.length) continue;
      if (best.length >= limit) return best;
      const found = ranking[place];
      const rows = seen.get(found.segment) ?? new Set<number>();
      seen.set(found.segment, rows);
      if (rows.size < rows.add(found.row).size) best.push(found);
    }
  return best;
}

function candidateOf(
  { segment, row, score }: RankedRow,
  paths: readonly JsonPath[] | undefined,
): RerankCandidate {
  const payload = decodePayload(segment.payloads.bytes(row));
  return { id: segment.ids.get(row), score, payload: paths ? includePaths(payload, paths) : payload };
}

/** One batch after the other: a model has its own way to use all of the machine. */
async function scored(
  hook: Hook,
  query: unknown,
  candidates: readonly RerankCandidate[],
  signal?: AbortSignal,
): Promise<number[]> {
  const scores: number[] = [];
  for (let first = 0; first < candidates.length; first += hook.batchSize) {
    const batch = candidates.slice(first, first + hook.batchSize);
    const answer = await callHook(hook, (run, context) => run(query, batch, context), signal);
    scores.push(...checkedScores(hook, answer, batch.length));
  }
  return scores;
}

/** HOOK_FAILED unless there is a finite number for each candidate. */
function checkedScores(hook: Hook, answer: unknown, expected: number): readonly number[] {
  if (!Array.isArray(answer) && !(ArrayBuffer.isView(answer) && "length" in answer))
    throw hookFailed(hook, "answered no array of scores");
  const scores = Array.from(answer as ArrayLike<unknown>);
  if (scores.length !== expected)
    throw hookFailed(hook, `answered ${scores.length} scores for ${expected} candidates`);
  const wrong = scores.findIndex((one) => !(typeof one === "number" && Number.isFinite(Math.fround(one))));
  if (wrong >= 0)
    throw hookFailed(hook, `answered a score that is no finite 32-bit float: ${String(scores[wrong])}`);
  return scores as number[];
}

/** The candidates where they lie by now, the best first; those that are gone are left out. */
function located(
  state: CollectionState,
  candidates: readonly RerankCandidate[],
  scores: readonly number[],
): RankedRow[] {
  const rows = candidates.flatMap(({ id }, i): RankedRow[] => {
    const place = state.find(id);
    return place ? [{ ...place, score: scores[i] }] : [];
  });
  return rows.sort((a, b) => b.score - a.score);
}
