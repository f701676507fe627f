/** The part of a saved form that holds a codec: its options, and what it learned. */
import { type CodecOptions, checkCodec, type SavedCodec } from "../codec/index.js";
import type { Sections } from "../storage/sections.js";
import { damaged } from "./saved-form.js";

const FORMAT = 1;
const PREFIX = "codec/";

export function codecSections(
  options: CodecOptions,
  saved: SavedCodec | undefined,
): { meta: Record<string, unknown>; sections: { name: string; bytes: Uint8Array }[] } {
  return {
    meta: { format: FORMAT, options, codec: saved?.codec ?? null, learned: saved?.meta ?? null },
    sections: (saved?.sections ?? []).map(({ name, bytes }) => ({ name: PREFIX + name, bytes })),
  };
}

/** Reads back what `codecSections` gave. */
export async function savedCodecOf(
  file: Sections,
): Promise<{ options: CodecOptions; saved: SavedCodec | undefined }> {
  const { format, options, codec, learned } = file.meta;
  if (format !== FORMAT) throw damaged(`format ${String(format)}`);
  if (!isObject(options)) throw damaged("options");
  try {
    checkCodec(options as CodecOptions);
  } catch (error) {
    throw damaged((error as Error).message);
  }
  if (codec === null) return { options: options as CodecOptions, saved: undefined };
  if (typeof codec !== "string" || !isObject(learned)) throw damaged("what the codec learned");
  const sections = [];
  for (const name of file.names)
    if (name.startsWith(PREFIX))
      sections.push({ name: name.slice(PREFIX.length), bytes: await file.read(name) });
  return { options: options as CodecOptions, saved: { codec, meta: learned, sections } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
