/**
 * The saved form of objects: a section file (storage/section-format.ts, so every byte is under a checksum) as bytes in
 * memory, to be kept wherever the caller likes.
 */
import { corruption, VicinalError } from "../runtime/errors.js";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { openSections, type SectionFileSource, type Sections, writeSections } from "../storage/sections.js";

const FILE = "object";

export async function bytesOf(source: SectionFileSource): Promise<Uint8Array> {
  const folder = MemoryDirectory.empty("saved");
  const length = await writeSections(folder, FILE, source);
  return folder.read(FILE, 0, length);
}

/** CORRUPTION unless the bytes are what `bytesOf` gave for that kind. */
export async function sectionsOf(bytes: Uint8Array, kind: string): Promise<Sections> {
  if (!(bytes instanceof Uint8Array))
    throw new VicinalError("BAD_REQUEST", "bytes must be a Uint8Array", { field: "bytes" });
  const folder = MemoryDirectory.empty("saved");
  const writer = await folder.create(FILE);
  await writer.append(bytes);
  return openSections(folder, FILE, kind);
}

/** For checks of what a description says. */
export function damaged(what: string): VicinalError {
  return corruption(`saved/${FILE}`, 0, "what save() wrote", what, "description");
}
