/** The kinds of columns, by name. */
import { BoolColumn } from "./bool-column.js";
import { type ColumnKind, type FieldColumn, savedColumn } from "./column.js";
import { KeywordColumn } from "./keyword-column.js";
import { NumberColumn } from "./number-column.js";
import type { JsonPath } from "./path.js";
import { malformed, type SectionSource } from "./sections.js";

export const columnKinds: readonly ColumnKind[] = ["keyword", "integer", "float", "bool"];

/** An empty column. */
export function createColumn(kind: ColumnKind, path: JsonPath): FieldColumn {
  switch (kind) {
    case "keyword":
      return new KeywordColumn(path);
    case "integer":
    case "float":
      return new NumberColumn(kind, path);
    case "bool":
      return new BoolColumn(path);
  }
}

/** Reads a saved column back. CORRUPTION when its sections do not fit together. */
export function loadColumn(source: SectionSource): Promise<FieldColumn> {
  const { kind, path } = savedColumn(source);
  if (!columnKinds.includes(kind as ColumnKind)) throw malformed("meta", `kind is ${String(kind)}`);
  return createColumn(kind as ColumnKind, path).load(source);
}
