/** Part of a `rows` file, as those read it who know nothing of the rest. */
import type { Sections } from "../storage/sections.js";

/** The payloads in a `rows` file, whose description is a part of the file's. */
export function payloadSource(rows: Sections) {
  return {
    meta: rows.meta.payload as Record<string, unknown>,
    length: (name: string) => rows.length(name),
    read: (name: string, offset: number, length: number) => rows.read(name, offset, length),
    readNow: rows.answersAtOnce
      ? (name: string, offset: number, target: Uint8Array) => rows.readNow(name, offset, target)
      : undefined,
  };
}
