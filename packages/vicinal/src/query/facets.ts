/**
 * Facets: how many points hold each value of an indexed field. Counted exactly: per segment by one walk over the column, which for
 * words is one array of small numbers, and no payload is read but for rows that the column has not got yet.
 */
import type { ValueCount } from "../payload/column.js";
import type { FieldSchema } from "../payload/columns.js";
import type { CompiledFilter } from "../payload/filter.js";
import { hasBit } from "../runtime/bits.js";
import type { CollectionState } from "../segment/state.js";
import { Best } from "./best.js";
import { FieldValues } from "./field-values.js";
import { candidateRows } from "./ranked.js";

export type FacetValue = ValueCount["value"];

/** A field with an index of type keyword, integer, bool or uuid. */
export interface FacetField {
  /** Canonical text of the path. */
  path: string;
  schema: FieldSchema;
}

/** The most frequent values, equally frequent ones in their own order. */
export function facetCounts(
  state: CollectionState,
  { path, schema }: FacetField,
  { limit, filter }: { limit: number; filter: CompiledFilter | undefined },
): ValueCount[] {
  const counts = new Map<FacetValue, number>();
  const add = (value: FacetValue, count: number) => counts.set(value, (counts.get(value) ?? 0) + count);
  for (const segment of state.segments()) {
    const rows = candidateRows(state, segment, filter);
    const values = new FieldValues<FacetValue>(segment, path, schema);
    for (const { value, count } of values.column?.valueCounts(rows) ?? []) add(value, count);
    for (let row = values.inColumn; row < segment.rowCount; row++)
      if (hasBit(rows, row)) values.each(row, (value) => add(value, 1));
  }
  const best = new Best<ValueCount>(limit, (a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  for (const [value, count] of counts) best.add({ value, count });
  return best.sorted();
}
