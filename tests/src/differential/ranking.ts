/** The reference's rankings: how they are asked for, and what each point is worth. */
import {
  type Dense,
  isMulti,
  largerIsNearer,
  type Model,
  type Multi,
  type Scored,
  type Vector,
} from "./model.js";
import type { Example, Query, Rank } from "./requests.js";

/** What a request is refused with by the reference. */
export class Refused extends Error {}

export function largerIsBetter(model: Model, { using }: Pick<Query, "using">, { kind }: Rank): boolean {
  return using === "words" || (kind !== "nearest" && kind !== "average") || largerIsNearer(model.metric);
}

const pairsAsked = (pairs: [Example, Example][]) =>
  pairs.map(([positive, negative]) => ({ positive, negative }));

const strategies = { average: "average_vector", best: "best_score", sum: "sum_scores" } as const;

/** The request's form. */
export function asked(ask: Rank): object {
  switch (ask.kind) {
    case "nearest":
      return { query: { nearest: ask.query } };
    case "discover":
      return { query: { discover: { target: ask.target, context: pairsAsked(ask.pairs) } } };
    case "feedback": {
      const { target, judged, a, b, c } = ask;
      const feedback = judged.map(([example, score]) => ({ example, score }));
      return { query: { relevance_feedback: { target, feedback, strategy: { naive: { a, b, c } } } } };
    }
    case "context":
      return { query: { context: pairsAsked(ask.pairs) } };
    default: {
      const { positive, negative } = ask;
      return { query: { recommend: { positive, negative, strategy: strategies[ask.kind] } } };
    }
  }
}

const bent = (x: number) => x / (1 + Math.abs(x));
const scaled = (x: number) => (bent(x) + 1) / 2;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function mean(vectors: readonly Dense[]): Dense {
  return vectors[0].map((_, i) => sum(vectors.map((vector) => vector[i])) / vectors.length);
}

/** The vector that stands for all examples; of several in one it has all, those of the negative ones turned round. */
function average(positive: readonly Vector[], negative: readonly Vector[]): Vector {
  if (isMulti(positive[0])) {
    const turned = (negative as Multi[]).flat().map((row) => row.map((value) => -value));
    return [...(positive as Multi[]).flat(), ...turned];
  }
  const towards = mean(positive as Dense[]);
  const away = negative.length > 0 ? mean(negative as Dense[]) : towards;
  return towards.map((value, i) => 2 * value - away[i]);
}

/** What a query of a request compares, and among which points. */
export type Scope = Pick<Query, "using" | "filter">;

/** All points with their scores, but for those that it names. Refused where one of these has no such vector. */
export function ranked(model: Model, scope: Scope, ask: Rank): Scored[] {
  const named = namedBy(model, scope, ask);
  return scored(model, scope, ask).filter(({ id }) => !named.includes(String(id)));
}

/** Ids of the points that it names. */
export function namedBy(model: Model, { using }: Scope, ask: Rank): string[] {
  const ids = examplesOf(ask).filter((example) => typeof example !== "object");
  for (const id of ids) if (!model.find(id)?.vectors[using]) throw new Refused(`no vector ${using} of ${id}`);
  return ids.map(String);
}

/** All points with their scores. */
export function scored(model: Model, { using, filter }: Scope, ask: Rank): Scored[] {
  const points = model.matching(filter);
  const vectorOf = (example: Example) => model.exampleVector(using, example);
  switch (ask.kind) {
    case "nearest":
      return model.nearest(using, vectorOf(ask.query), points);
    case "average":
      return model.nearest(using, average(ask.positive.map(vectorOf), ask.negative.map(vectorOf)), points);
    case "best":
      return model.byExamples(using, points, (s) => {
        const best = Math.max(...ask.positive.map(s));
        const worst = Math.max(...ask.negative.map(s));
        return best > worst ? scaled(best) : -scaled(worst);
      });
    case "sum":
      return model.byExamples(using, points, (s) => sum(ask.positive.map(s)) - sum(ask.negative.map(s)));
    case "discover":
      return model.byExamples(
        using,
        points,
        (s) => sum(ask.pairs.map(([p, n]) => Math.sign(s(p) - s(n)))) + scaled(s(ask.target)),
      );
    case "feedback": {
      const { target, judged, a, b, c } = ask;
      return model.byExamples(using, points, (s) => {
        const gains = judged.flatMap(([one, high]) =>
          judged.map(([other, low]) => (high > low ? (high - low) ** b * c * (s(one) - s(other)) : 0)),
        );
        return a * s(target) + sum(gains);
      });
    }
    case "context":
      return model.byExamples(using, points, (s) =>
        sum(ask.pairs.map(([p, n]) => bent(Math.min(0, s(p) - s(n))))),
      );
  }
}

function examplesOf(ask: Rank): Example[] {
  if (ask.kind === "nearest") return [ask.query];
  if (ask.kind === "discover") return [ask.target, ...ask.pairs.flat()];
  if (ask.kind === "context") return ask.pairs.flat();
  if (ask.kind === "feedback") return [ask.target, ...ask.judged.map(([example]) => example)];
  return [...ask.positive, ...ask.negative];
}
