/** The files that a collection's manifest names, and what each is for. */
import type { SegmentEntry } from "../files.js";
import type { FileRole } from "./faults.js";

export interface NamedFile {
  /** Path within the collection's folder. */
  path: string;
  /** As in the file's header: `rows`, `vector`, ... */
  kind: string;
  role: FileRole;
}

export function namedFiles({ files }: SegmentEntry): NamedFile[] {
  const named: NamedFile[] = [];
  const add = (path: string | undefined, kind: string, role: FileRole = "data") => {
    if (path !== undefined) named.push({ path, kind, role });
  };
  add(files.rows, "rows");
  add(files.deletes, "deletes");
  add(files.patch, "patch");
  for (const { file, index } of files.vectors) {
    add(file, "vector");
    add(index?.file, "index", "derived");
  }
  for (const { file } of files.sparse ?? []) add(file, "sparse");
  for (const { file } of files.fields) add(file, "field", "derived");
  return named;
}
