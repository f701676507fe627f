/** The photos of a folder as items of a pipeline. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { SourceItem } from "@vicinal/extract";

const extensions = /\.(jpe?g|png|webp|gif|avif|tiff?)$/i;

/** All photos below the folder, in order of their names. A photo's version is its size and time. */
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
    };
  }
}

async function listed(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && extensions.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}
