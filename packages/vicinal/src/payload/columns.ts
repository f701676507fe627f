/** The kinds of columns, by name. */
import { type Analyzer, type AnalyzerParams, createAnalyzer } from "../text/index.js";
import { BoolColumn } from "./bool-column.js";
import { type ColumnKind, type FieldColumn, savedColumn } from "./column.js";
import { DatetimeColumn } from "./datetime-column.js";
import { GeoColumn } from "./geo-column.js";
import { KeywordColumn } from "./keyword-column.js";
import { NumberColumn } from "./number-column.js";
import type { JsonPath } from "./path.js";
import { malformed, type SectionSource } from "./sections.js";
import { TextColumn } from "./text-column.js";
import { UuidColumn } from "./uuid-column.js";

export const columnKinds: readonly ColumnKind[] = [
  "keyword",
  "integer",
  "float",
  "bool",
  "datetime",
  "uuid",
  "geo",
  "text",
];

/** What a field index is asked to be: its type, and of text the rules by which it is read. */
export interface FieldSchema {
  type: ColumnKind;
  [option: string]: unknown;
}

/** An empty column. */
export function createColumn(schema: FieldSchema, path: JsonPath): FieldColumn {
  switch (schema.type) {
    case "keyword":
      return new KeywordColumn(path);
    case "integer":
    case "float":
      return new NumberColumn(schema.type, path);
    case "bool":
      return new BoolColumn(path);
    case "datetime":
      return new DatetimeColumn(path);
    case "uuid":
      return new UuidColumn(path);
    case "geo":
      return new GeoColumn(path);
    case "text":
      return new TextColumn(path, analyzerOf(schema)!, schema.phrase_matching === true);
  }
}

const analyzers = new WeakMap<FieldSchema, Analyzer>();

/** How a field of this schema reads text; undefined where it has no text index. */
export function analyzerOf(schema: FieldSchema | undefined): Analyzer | undefined {
  if (schema?.type !== "text") return undefined;
  let analyzer = analyzers.get(schema);
  if (!analyzer) {
    analyzer = createAnalyzer(schema as AnalyzerParams);
    analyzers.set(schema, analyzer);
  }
  return analyzer;
}

/** Reads a saved column back. CORRUPTION when its sections do not fit together, or do not fit the schema. */
export async function loadColumn(source: SectionSource, schema: FieldSchema): Promise<FieldColumn> {
  const { kind, path } = savedColumn(source);
  if (kind !== schema.type) throw malformed("meta", `kind is ${String(kind)}, not ${schema.type}`);
  return createColumn(schema, path).load(source);
}
