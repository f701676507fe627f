/**
 * payload: what points carry beside vectors, and the filters that ask for it.
 *
 *   json        JSON without loss, payload bytes        id        point ids
 *   path        `a.b`, `a[].b`: places in a payload     patch     set, delete by path
 *   store       the payload bytes of a segment          columns   typed columns of indexed paths
 *   filter      what requests ask, over all of these (filter-schema: its form, conditions: its meaning)
 */
export { type ColumnKind, FieldColumn, type ValueCount } from "./column.js";
export { analyzerOf, columnKinds, createColumn, type FieldSchema, loadColumn } from "./columns.js";
export {
  type CompiledFilter,
  type Condition,
  compileCheckedFilter,
  compileFilter,
  type Estimate,
  type Filter,
  filterSchema,
  type RowView,
  type SegmentView,
} from "./filter.js";
export {
  comparePointIds,
  ID_KEY_WORDS,
  type IdKind,
  type PointId,
  parsePointId,
  parsePointIdText,
  pointIdSchema,
  readIdKey,
  tryPointId,
  writeIdKey,
} from "./id.js";
export {
  decodePayload,
  encodePayload,
  type JsonObject,
  type JsonValue,
  parseJson,
  stringifyJson,
} from "./json.js";
export { deletePayload, setPayload } from "./patch.js";
export { type JsonPath, parsePath, tryPath, valuesAt } from "./path.js";
export type { SavedSections, SectionSource } from "./sections.js";
export { PayloadStore } from "./store.js";
