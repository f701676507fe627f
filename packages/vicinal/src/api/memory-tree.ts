/** Where the memory goes: a tree of what is held, made when it is asked for. docs/memory.md says what the names mean. */
import { residentMemoryBytes } from "#platform/resources.js";
import { memoryStats } from "../runtime/memory.js";
import type { Collection } from "../segment/collection.js";
import type { Segment } from "../segment/segment.js";
import type { Collections } from "./catalogue.js";

export interface MemoryNode {
  what: string;
  /** Of all its parts, where it has some. */
  bytes: number;
  /** Largest first; those of no bytes are left out. */
  parts?: MemoryNode[];
}

export interface MemoryTree extends MemoryNode {
  /**
   * Bytes of memory that the process has by the system's account, whatever they are for: the tree's, the platform's, code,
   * and what is not collected yet. Null where a platform does not tell (pages).
   */
  resident: number | null;
  /** Bytes that the tree may hold at most; null where no budget was given. */
  budget: number | null;
}

export function explainMemory(catalogue: Collections): MemoryTree {
  const collections = catalogue.names().flatMap((name) => {
    const collection = catalogue.find(name);
    return collection ? [ofCollection(name, collection)] : [];
  });
  const { idleBytes } = memoryStats();
  const { payloads, budget } = catalogue.resources ?? {};
  const all = node("database", [
    ...collections,
    leaf("memories kept for reuse", idleBytes),
    leaf("payloads read lately", payloads?.bytes ?? 0),
    leaf("postings read lately", budget?.postings.bytes ?? 0),
  ]);
  return { ...all, resident: residentMemoryBytes() ?? null, budget: budget?.bytes ?? null };
}

function ofCollection(name: string, { state }: Collection): MemoryNode {
  return node(`collection ${name}`, [
    ...state.segments().map(ofSegment),
    leaf("id map", state.memoryBytes()),
    leaf("read caches", state.cacheBytes()),
  ]);
}

function ofSegment(segment: Segment): MemoryNode {
  return node(`segment ${segment.id}`, [
    ...[...segment.vectors.values()].map((column) => {
      const { vectors, index, codes, maps } = column.memoryBytes();
      const family = column.choice?.family ?? "scan";
      const parts = codes > 0 ? [leaf("codes", codes), leaf("links and tables", index - codes)] : [];
      return node(`vector ${column.name}`, [
        leaf("floats", vectors),
        parts.length > 0 ? node(`index ${family}`, parts) : leaf(`index ${family}`, index),
        leaf("norms and row map", maps),
      ]);
    }),
    ...[...segment.sparse.values()].map((column) => {
      const { vectors, index, maps } = column.memoryBytes();
      return leaf(`sparse vector ${column.name}`, vectors + index + maps);
    }),
    leaf("ids", segment.ids.memoryBytes()),
    leaf("versions", segment.versions().buffer.byteLength),
    leaf("live bits", segment.live.buffer.byteLength),
    leaf("payloads", segment.payloads.memoryBytes()),
    ...[...segment.fields].map(([path, column]) => leaf(`field ${path}`, column.memoryBytes())),
  ]);
}

function leaf(what: string, bytes: number): MemoryNode {
  return { what, bytes };
}

function node(what: string, parts: MemoryNode[]): MemoryNode {
  const held = parts.filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);
  return { what, bytes: held.reduce((sum, { bytes }) => sum + bytes, 0), parts: held };
}
