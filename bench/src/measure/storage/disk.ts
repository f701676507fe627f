/** Disk: what the files of a filled and closed store take, beside what was put in and the links of a graph over it. */
import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { Meta } from "../../data/layout.js";
import { payloadOf } from "../../engines/kept.js";
import type { Filled } from "./folders.js";

/** Links of a row in the lowest layer of a graph with m 16, of four bytes each. */
const GRAPH_BYTES = 2 * 16 * 4;

export interface DiskResult {
  name: string;
  version: string;
  index: string;
  bytes: number;
  /** Over vectors as float32, payloads as JSON and the links of a graph. */
  ratio: number;
  /** By the beginnings of the files' names, the most first: what Vicinal calls them; others name them otherwise. */
  parts: Record<string, number>;
}

export function measureDisk(
  stores: readonly Filled[],
  { count, dimensions }: Meta,
): { baseBytes: number; stores: DiskResult[] } {
  let payloads = 0;
  for (let id = 0; id < count; id += 1) payloads += JSON.stringify(payloadOf(id)).length;
  const baseBytes = count * (dimensions * 4 + GRAPH_BYTES) + payloads;
  const results = stores.map(({ store: { name, version, index }, folder }) => {
    const parts = new Map<string, number>();
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const kind = kindOf(entry.name);
      parts.set(kind, (parts.get(kind) ?? 0) + statSync(join(entry.parentPath, entry.name)).size);
    }
    const bytes = [...parts.values()].reduce((sum, size) => sum + size, 0);
    const sorted = [...parts].toSorted((a, b) => b[1] - a[1]);
    return { name, version, index, bytes, ratio: bytes / baseBytes, parts: Object.fromEntries(sorted) };
  });
  return { baseBytes, stores: results };
}

/** `index-00000014` is an `index`, `3f2a.lance` a `.lance`. */
function kindOf(file: string): string {
  return /^([a-z]+)-\d+$/.exec(basename(file))?.[1] ?? (/\.\w+$/.exec(file)?.[0] || "other");
}
