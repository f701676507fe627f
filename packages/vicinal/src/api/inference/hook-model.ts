/** Models that are hooks: called in batches, one after the other; what they answer is checked. */
import { array, type Issue, issueError, type Schema, union, unsigned } from "../../runtime/schema.js";
import { denseVector, multiVector, sparseVector } from "../schema/index.js";
import {
  callHook,
  hookFailed,
  type InferenceAnswer,
  type InferenceFunction,
  type ReadyHook,
} from "./hooks.js";
import type { Model, ModelAnswer } from "./model.js";
import { inputRefused } from "./refused-input.js";

const vectorsOf: Schema<unknown> = array(union(denseVector, sparseVector, multiVector));
const tokensOf = unsigned();

export function hookModel(hook: ReadyHook<InferenceFunction>): Model {
  return async (wanted, kind, signal) => {
    const inputs = wanted.map(({ input }) => input);
    const vectors: unknown[] = [];
    let tokens: number | undefined;
    for (let first = 0; first < inputs.length; first += hook.batchSize) {
      const batch = inputs.slice(first, first + hook.batchSize);
      const answer = await callHook(hook, (run, context) => run(batch, { ...context, kind }), signal).catch(
        (failure: unknown) => {
          throw inputRefused(hook.label, failure, wanted.slice(first));
        },
      );
      const checked = checkedAnswer(hook, answer, batch.length);
      vectors.push(...checked.vectors);
      if (checked.tokens !== undefined) tokens = (tokens ?? 0) + checked.tokens;
    }
    return tokens === undefined ? { vectors } : { vectors, tokens };
  };
}

/** HOOK_FAILED unless there is a vector for each input. */
function checkedAnswer(
  hook: ReadyHook<InferenceFunction>,
  answer: InferenceAnswer,
  expected: number,
): ModelAnswer {
  const { vectors, tokens }: ModelAnswer = isList(answer) ? { vectors: answer } : (answer ?? {});
  if (!isList(vectors))
    throw hookFailed(hook, "answered neither an array of vectors nor an object with `vectors`");
  if (vectors.length !== expected)
    throw hookFailed(hook, `answered ${vectors.length} vectors for ${expected} inputs`);
  const fault = (name: string, issue: Issue | undefined) => {
    if (issue === undefined) return;
    issue.path.push(name);
    throw hookFailed(hook, `answered a fault: ${issueError(issue).message}`);
  };
  fault("vectors", vectorsOf.check(vectors));
  if (tokens === undefined) return { vectors };
  fault("tokens", tokensOf.check(tokens));
  return { vectors, tokens };
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
