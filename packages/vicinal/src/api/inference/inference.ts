/**
 * Inference: texts, images and objects of a request become vectors before the operation begins, so that an operation knows
 * vectors alone, and a model's failure leaves everything as it was. All inputs of a request are collected in one pass, equal ones
 * once, and each model is called with its own, in batches; then the vectors stand in the request, which is otherwise as it was.
 */

import { stringifyJson } from "../../payload/json.js";
import { after } from "../../runtime/after.js";
import type { Inference, InferenceUsage } from "../schema/index.js";
import { bm25Model, isBm25 } from "./bm25-model.js";
import { hookModel } from "./hook-model.js";
import type { InferenceInput, ReadyHooks } from "./hooks.js";
import type { InferenceKind, Model, ModelAnswer, WantedVector } from "./model.js";
import { askedForm, inputFault, type Path, withInputs, writtenForm } from "./places.js";

/** Where what was used is told. */
export type UsageReport = (usage: InferenceUsage) => void;

/** Of one model: its inputs by what makes them equal. */
type Asked = Map<unknown, WantedVector>;
/** By model and by what makes inputs equal. */
type Vectors = Map<string, Map<unknown, unknown>>;

export class InferenceModels {
  readonly #hooks: ReadyHooks["inference"];
  readonly #report: UsageReport | undefined;

  constructor(hooks: ReadyHooks["inference"] = new Map(), report?: UsageReport) {
    this.#hooks = hooks;
    this.#report = report;
  }

  /**
   * The request with vectors in the place of inputs: the request itself where it has none. A promise only where a hook is asked.
   * @throws UNKNOWN_MODEL, BAD_REQUEST, INPUT_REFUSED, HOOK_FAILED, CANCELLED
   */
  resolve<T>(request: T, kind: InferenceKind, signal?: AbortSignal): T | Promise<T> {
    const form = kind === "document" ? writtenForm : askedForm;
    const asked = new Map<string, Asked>();
    withInputs(request, form, (input, path) => {
      collect(asked, input, path);
      return input;
    });
    if (asked.size === 0) return request;
    return after(this.#vectors(asked, kind, signal), (vectors) =>
      withInputs(request, form, (input) => vectors.get(input.model)!.get(keyOf(input))),
    );
  }

  #vectors(
    asked: ReadonlyMap<string, Asked>,
    kind: InferenceKind,
    signal: AbortSignal | undefined,
  ): Vectors | Promise<Vectors> {
    // All are known before one is asked.
    const models = [...asked].map(([name, wanted]) => ({ name, wanted, model: this.#model(name, wanted) }));
    const ending = new AbortController();
    const onAbort = () => ending.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort);
    const answers = models.map(({ wanted, model }) => model([...wanted.values()], kind, ending.signal));
    const finish = (found: ModelAnswer[]): Vectors => {
      reportTokens(models, found, this.#report);
      return new Map(models.map(({ name, wanted }, i) => [name, byKey(wanted, found[i])]));
    };
    if (answers.every((answer) => !(answer instanceof Promise))) return finish(answers as ModelAnswer[]);
    return Promise.all(answers)
      .then(finish)
      .finally(() => {
        signal?.removeEventListener("abort", onAbort);
        ending.abort();
      });
  }

  #model(name: string, wanted: Asked): Model {
    if (isBm25(name)) return bm25Model;
    const hook = this.#hooks.get(name);
    if (hook) return hookModel(hook);
    const [{ path }] = wanted.values();
    const known = ["qdrant/bm25", ...this.#hooks.keys()].map((model) => JSON.stringify(model)).join(", ");
    throw inputFault(
      [...path, "model"],
      `there is no model ${JSON.stringify(name)}, expected one of ${known}`,
      "UNKNOWN_MODEL",
    );
  }
}

function collect(asked: Map<string, Asked>, given: Inference, path: Path): void {
  const { model, options } = given;
  let wanted = asked.get(model);
  if (!wanted) {
    wanted = new Map();
    asked.set(model, wanted);
  }
  const key = keyOf(given);
  if (wanted.has(key)) return;
  const input: InferenceInput = { options: options ?? {} };
  if ("text" in given) input.text = given.text;
  else if ("image" in given) input.image = given.image;
  else input.object = given.object;
  wanted.set(key, { input, path: [...path] });
}

/** Equal for equal inputs of JSON; others are equal to themselves alone. */
function keyOf(given: Inference): unknown {
  if ("text" in given && !given.options) return `text ${given.text}`;
  try {
    return stringifyJson(given);
  } catch {
    return given;
  }
}

function byKey(wanted: Asked, { vectors }: ModelAnswer): Map<unknown, unknown> {
  return new Map([...wanted.keys()].map((key, i) => [key, vectors[i]]));
}

function reportTokens(
  models: readonly { name: string }[],
  answers: readonly ModelAnswer[],
  report: UsageReport | undefined,
): void {
  const counted = models.flatMap(({ name }, i) => {
    const { tokens } = answers[i];
    return tokens === undefined ? [] : [[name, { tokens }] as const];
  });
  if (counted.length > 0) report?.({ models: Object.fromEntries(counted) });
}
