/** The points of earlier rankings in the order that a formula puts them in. */
import type { CompiledFilter, RowView } from "../../payload/filter.js";
import type { Segment } from "../../segment/segment.js";
import type { CollectionState } from "../../segment/state.js";
import { rowView } from "../matching.js";
import type { RankedRow } from "../ranked.js";
import type { Formula, FormulaPoint } from "./compile.js";
import { type Field, fieldValue } from "./field-value.js";

/**
 * All points of the rankings, each once, with the formula's scores, the largest first; equal ones as they came up. The scores that
 * the formula knows as `$score[0]`, `$score[1]` are those of the rankings.
 * @throws BAD_REQUEST where the formula has no score for one of them.
 */
export function rankByFormula(
  state: CollectionState,
  formula: Formula,
  rankings: readonly (readonly RankedRow[])[],
): RankedRow[] {
  const points = new Map<Segment, Map<number, Candidate>>();
  const ranked: { point: Candidate; score: number }[] = [];
  rankings.forEach((ranking, i) => {
    for (const { segment, row, score } of ranking) {
      const rows = points.get(segment) ?? new Map<number, Candidate>();
      points.set(segment, rows);
      let point = rows.get(row);
      if (!point) {
        point = new Candidate(state, segment, row);
        rows.set(row, point);
        ranked.push({ point, score: 0 });
      }
      point.scores[i] = score;
    }
  });
  for (const one of ranked) one.score = formula(one.point);
  ranked.sort((a, b) => b.score - a.score);
  return ranked.map(({ point: { segment, row }, score }) => ({ segment, row, score }));
}

class Candidate implements FormulaPoint {
  /** By the number of the ranking. */
  readonly scores: number[] = [];
  readonly #state: CollectionState;
  #view: RowView | undefined;

  constructor(
    state: CollectionState,
    readonly segment: Segment,
    readonly row: number,
  ) {
    this.#state = state;
  }

  scoreBy(ranking: number): number | undefined {
    return this.scores[ranking];
  }

  value<T>(field: Field<T>): T {
    return fieldValue(field, this.segment, this.row, () => this.#read().payload());
  }

  matches(condition: CompiledFilter): boolean {
    return condition.matches(this.#read());
  }

  /** The payload is decoded once, and only where something asks for it. */
  #read(): RowView {
    this.#view ??= rowView(this.#state, this.segment, this.row);
    return this.#view;
  }
}
