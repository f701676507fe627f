/**
 * Filters, compiled once for each request: decides single payloads, whole segments, and about how many rows match.
 *
 * A segment is decided by three-valued logic: each condition answers with two sets of rows, those that match for sure
 * (`yes`) and those that may match (`may`), from columns where there are any; `must`, `should`, `must_not` and
 * `min_should` combine the pairs. Only live rows that may and need not match are decoded, once each, and decided as
 * single payloads. So a condition on a column in `must` spares the decoding of all rows that it rules out, wherever it
 * stands in the filter.
 */

import { andBits, bitWords, countBits, fillBits, forEachBit } from "../runtime/bits.js";
import { issueError, under } from "../runtime/schema.js";
import type { Analyzer } from "../text/index.js";
import { EMPTY, NULL } from "./column.js";
import { fieldTest } from "./conditions.js";
import { fieldNode, flagNode } from "./field-nodes.js";
import type { Estimate } from "./field-test.js";
import {
  allNode,
  anyNode,
  minShouldNode,
  type Node,
  notNode,
  type RowView,
  type SegmentView,
  unknown,
  unknownEstimate,
} from "./filter-nodes.js";
import { type Condition, type FieldCondition, type Filter, filterSchema } from "./filter-schema.js";
import type { PointId } from "./id.js";
import { decodePayload, isJsonObject, type JsonObject } from "./json.js";
import { itemsOf, parsePath, valuesAt } from "./path.js";
import { hasIdNode, hasVectorNode, sliceNode } from "./point-nodes.js";

export type { Estimate } from "./field-test.js";
export type { RowView, SegmentView } from "./filter-nodes.js";
export type { Condition, Filter } from "./filter-schema.js";
export { filterSchema } from "./filter-schema.js";

export interface CompiledFilter {
  /** True when every point matches, since the filter has no condition. */
  readonly isEmpty: boolean;
  matches(row: RowView): boolean;
  /**
   * Makes `bits` the set of live rows that match.
   * @param bits At least one word for each 32 rows; whatever it held is replaced.
   * @returns how many match.
   */
  evaluate(view: SegmentView, bits: Uint32Array): number;
  /** How many live rows match, without looking at any payload. */
  estimate(view: SegmentView): Estimate;
}

/**
 * @param filter As in the request; absent, null and `{}` match all points.
 * @param at Where it stands in the request, for messages.
 * @throws BAD_FILTER, BAD_POINT_ID or UNSUPPORTED naming the place, such as `filter.must[0].match`.
 */
export function compileFilter(filter: Filter | null | undefined, at = "filter"): CompiledFilter {
  const given = filter ?? {};
  const issue = filterSchema.check(given);
  if (issue !== undefined) throw issueError(under(at, issue));
  return compileCheckedFilter(given);
}

/** As `compileFilter`, for a filter that has passed `filterSchema`, as part of a request mostly. */
export function compileCheckedFilter(filter: Filter): CompiledFilter {
  const root = filterNode(filter);
  return {
    isEmpty: listOf(filter.must, filter.should, filter.must_not).length === 0 && !filter.min_should,
    matches: (row) => root.matches(row),
    evaluate: (view, bits) => evaluate(root, view, bits),
    estimate: (view) => estimateLive(root, view),
  };
}

function evaluate(root: Node, view: SegmentView, bits: Uint32Array): number {
  const words = bitWords(view.rowCount);
  const counted = new Uint32Array(words);
  fillBits(counted, view.rowCount);
  if (view.live) andBits(counted, view.live);

  const { yes, may } = root.verdict(view);
  andBits(yes, counted);
  andBits(may, counted);
  for (let i = 0; i < words; i++) may[i] &= ~yes[i];
  forEachBit(may, (row) => {
    if (root.matches(new SegmentRow(view, row))) yes[row >>> 5] |= 1 << (row & 31);
  });
  bits.fill(0);
  bits.set(yes);
  return countBits(yes);
}

/** A row that is decoded when it is first asked for. */
export class SegmentRow implements RowView {
  readonly #view: SegmentView;
  readonly #row: number;
  #payload: JsonObject | undefined;

  constructor(view: SegmentView, row: number) {
    this.#view = view;
    this.#row = row;
  }

  get id(): PointId {
    return this.#view.idOfRow(this.#row);
  }

  hasVector(name: string): boolean {
    return this.#view.hasVector(name, this.#row);
  }

  analyzer(path: string): Analyzer | undefined {
    return this.#view.analyzer?.(path);
  }

  payload(): JsonObject {
    this.#payload ??= decodePayload(this.#view.payload(this.#row));
    return this.#payload;
  }
}

/** Assumes, as Qdrant does, that rows are deleted without regard to the filter. */
function estimateLive(root: Node, view: SegmentView): Estimate {
  const { min, expected, max } = root.estimate(view);
  if (!view.live) return { min, expected: Math.round(expected), max };
  const live = countBits(view.live);
  return {
    min: Math.max(0, min - (view.rowCount - live)),
    expected: Math.min(live, Math.round((expected * live) / Math.max(1, view.rowCount))),
    max: Math.min(max, live),
  };
}

function listOf(...parts: (Condition | Condition[] | null | undefined)[]): Condition[] {
  return parts.flatMap((part) => part ?? []);
}

function filterNode(filter: Filter): Node {
  const parts: Node[] = listOf(filter.must).map(conditionNode);
  parts.push(...listOf(filter.must_not).map((condition) => notNode(conditionNode(condition))));
  const should = listOf(filter.should).map(conditionNode);
  if (should.length > 0) parts.push(anyNode(should));
  if (filter.min_should) {
    const { conditions, min_count: least } = filter.min_should;
    parts.push(minShouldNode(conditions.map(conditionNode), least));
  }
  return parts.length === 1 ? parts[0] : allNode(parts);
}

function conditionNode(condition: Condition): Node {
  if ("key" in condition) return fieldNode(parsePath(condition.key), fieldTest(condition));
  if ("is_empty" in condition) return flagNode(condition.is_empty.key, EMPTY);
  if ("is_null" in condition) return flagNode(condition.is_null.key, NULL);
  if ("has_id" in condition) return hasIdNode(condition.has_id);
  if ("has_vector" in condition) return hasVectorNode(condition.has_vector);
  if ("slice" in condition) return sliceNode(condition.slice);
  if ("nested" in condition) return nestedNode(condition.nested.key, condition.nested.filter);
  return filterNode(condition);
}

/** Holds if the filter holds for any single object of the array. */
function nestedNode(key: string, filter: Filter): Node {
  const path = itemsOf(parsePath(key));
  const inner = filterNode(filter);
  // What one object of the array must hold, some object of the array holds: columns of the whole path rule rows out.
  const needed = listOf(filter.must).flatMap((condition) => {
    if (!("key" in condition) || !asksAnyValue(condition)) return [];
    return [fieldNode(parsePath(`${path.text}.${condition.key}`), fieldTest(condition))];
  });
  const outside = allNode(needed);
  return {
    matches: (row) =>
      valuesAt(row.payload(), path).some((item) => {
        if (!isJsonObject(item)) return false;
        const analyzer = (inside: string): Analyzer | undefined => row.analyzer?.(`${path.text}.${inside}`);
        return inner.matches({ id: undefined, payload: () => item, analyzer });
      }),
    verdict: (view) => ({ ...unknown(view), may: outside.verdict(view).may }),
    estimate(view) {
      const { expected, max } = outside.estimate(view);
      return { min: 0, expected: Math.min(expected, unknownEstimate(view).expected), max };
    },
  };
}

/** Whether the condition holds for a field if it holds for any one of its values. */
function asksAnyValue({ values_count, is_empty, is_null }: FieldCondition): boolean {
  return [values_count, is_empty, is_null].every((part) => part === undefined || part === null);
}
