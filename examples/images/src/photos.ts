/** The photos of a folder as items of a pipeline. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { SourceItem } from "@vicinal/extract";

const types: Record<string, string> = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
  gif: "image/gif",
  avif: "image/avif",
  tif: "image/tiff",
  tiff: "image/tiff",
};

function typeOf(file: string): string | undefined {
  return types[file.slice(file.lastIndexOf(".") + 1).toLowerCase()];
}

/** Photos beyond this stay in their folder alone. */
const KEPT_BYTES = 2 ** 24;

/** All photos below the folder, in order of their names, each kept beside its point. A photo's version is its size and time. */
export async function* photosIn(
  folder: string,
  payloadOf: (file: string) => Record<string, unknown> = () => ({}),
): AsyncGenerator<SourceItem<Uint8Array>> {
  for (const entry of await listed(folder)) {
    const path = join(folder, entry);
    const { size, mtimeMs } = await stat(path);
    const file = entry.split(sep).join("/");
    yield {
      key: file,
      version: `${size}-${Math.round(mtimeMs)}`,
      load: () => readFile(path),
      payload: { file, ...payloadOf(file) },
      blobs: (bytes): Record<string, { type: string; bytes: Uint8Array }> =>
        bytes.length <= KEPT_BYTES ? { photo: { type: typeOf(file) as string, bytes } } : {},
    };
  }
}

async function listed(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && typeOf(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}
