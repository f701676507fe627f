/** `recommend`, `discover`, `context` and `relevance_feedback` of a request: the examples, and what is made of them. */

import { bestScore, context, discovery, type Objective, sumScores } from "../../query/objectives.js";
import { naiveFeedback } from "../../query/relevance-feedback.js";
import { VicinalError } from "../../runtime/errors.js";
import type { GivenVector } from "../prepare.js";
import type {
  ContextInput,
  QueryInterface,
  RecommendInput,
  RelevanceFeedbackInput,
} from "../schema/index.js";
import { averaged } from "./averages.js";
import type { Example, ExampleVector } from "./query-vectors.js";

export interface ExampleQuery {
  /** The query's name. */
  kind: string;
  /** Where they stand in the request, for messages. */
  at: string;
  examples: Example[];
  /** What a point is worth by its similarities to them; or the one vector to search by in their place. */
  meaning: Objective | ((examples: readonly ExampleVector[]) => GivenVector);
}

/**
 * Undefined for other queries. BAD_REQUEST where there are too few examples.
 * @param at Where the query stands in the request.
 */
export function exampleQuery(query: QueryInterface, at: string): ExampleQuery | undefined {
  if (typeof query !== "object") return undefined;
  if ("recommend" in query) return recommendation(query.recommend, `${at}.recommend`);
  if ("discover" in query) {
    const { target, context: given } = query.discover;
    const pairs = pairsOf(given);
    const examples = [target as Example, ...pairs];
    return { kind: "discover", at: `${at}.discover`, examples, meaning: discovery(pairs.length / 2) };
  }
  if ("relevance_feedback" in query) return feedback(query.relevance_feedback, `${at}.relevance_feedback`);
  if (!("context" in query)) return undefined;
  const pairs = pairsOf(query.context);
  return { kind: "context", at: `${at}.context`, examples: pairs, meaning: context(pairs.length / 2) };
}

function recommendation({ positive, negative, strategy }: RecommendInput, at: string): ExampleQuery {
  const kind = "recommend";
  const positives = positive?.length ?? 0;
  const negatives = negative?.length ?? 0;
  const examples = [...(positive ?? []), ...(negative ?? [])] as Example[];
  if (examples.length === 0)
    throw new VicinalError("OUT_OF_RANGE", `${at}: at least one positive or negative example is needed`, {
      path: at,
    });
  const averaging = (strategy ?? "average_vector") === "average_vector";
  if (averaging && positives === 0)
    throw new VicinalError(
      "BAD_REQUEST",
      "Bad request: At least one positive vector ID required with this strategy",
      { field: at },
    );
  if (averaging) return { kind, at, examples, meaning: (found) => averaged(found, positives) };
  const objective = strategy === "best_score" ? bestScore : sumScores;
  return { kind, at, examples, meaning: objective(positives, negatives) };
}

function feedback({ target, feedback: items, strategy }: RelevanceFeedbackInput, at: string): ExampleQuery {
  const examples = [target, ...items.map(({ example }) => example)] as Example[];
  const judgements = items.map(({ score }) => score);
  return { kind: "relevance_feedback", at, examples, meaning: naiveFeedback(judgements, strategy.naive) };
}

/** Positive and negative examples in turn. */
function pairsOf(given: ContextInput | null): Example[] {
  return [given ?? []].flat().flatMap(({ positive, negative }) => [positive, negative] as Example[]);
}
