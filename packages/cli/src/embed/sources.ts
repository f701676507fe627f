/** Items to be embedded: files of folders, or records of JSON lines. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, extname, join, posix, relative, resolve, sep } from "node:path";
import { createInterface } from "node:readline";
import type { Modality, SourceItem } from "@vicinal/extract";
import { parseJson } from "vicinal/protocol";
import { systemError, UserError } from "../errors.js";

export type Item = Uint8Array | string;

/** What a folder is searched for. */
const endings: Record<Modality, readonly string[]> = {
  image: [".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff"],
  audio: [".wav"],
  text: [".txt", ".md"],
};

const recordEndings = [".jsonl", ".ndjson"];

export interface Source {
  items: AsyncIterable<SourceItem<Item>>;
  /** How many there are; unknown of records. */
  total?: number;
}

/**
 * @param paths files, folders (with all that is below them), JSON lines, `-` for JSON lines of standard input
 * @param field of a record: the text itself, or the name of a file, beside the records' own
 */
export async function sourceOf(paths: readonly string[], modality: Modality, field: string): Promise<Source> {
  const parts: (readonly FileEntry[] | AsyncIterable<SourceItem<Item>>)[] = [];
  for (const path of paths) {
    const isRecords = path === "-" || recordEndings.includes(extname(path).toLowerCase());
    const files = path === "-" ? [] : await filesOf(path, modality, paths.length > 1);
    parts.push(isRecords ? records(path, modality, field) : files);
  }
  const counted = parts.every((part): part is readonly FileEntry[] => Array.isArray(part));
  return {
    items: itemsOf(parts, modality),
    ...(counted ? { total: parts.reduce((sum, files) => sum + files.length, 0) } : {}),
  };
}

interface FileEntry {
  key: string;
  path: string;
}

/**
 * A file by its path as it was given, those of a folder by their paths in it; always with `/`.
 * @param among others, which may have files of the same names: then the folder's own path is put before
 */
async function filesOf(path: string, modality: Modality, among: boolean): Promise<FileEntry[]> {
  const found = await stat(path).catch((error: unknown) => {
    throw systemError(error, path);
  });
  if (!found.isDirectory()) return [{ key: posix.normalize(path.split(sep).join("/")), path }];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && endings[modality].includes(extname(entry.name).toLowerCase()))
    .map((entry) => join(entry.parentPath, entry.name));
  if (files.length === 0)
    throw new UserError(`${path}: holds no files that end in ${endings[modality].join(", ")}`);
  const keyOf = (file: string) => (among ? file : relative(path, file)).split(sep).join("/");
  return files.map((file) => ({ key: keyOf(file), path: file })).sort(byKey);
}

function byKey(a: FileEntry, b: FileEntry): number {
  return a.key < b.key ? -1 : 1;
}

async function* itemsOf(
  parts: readonly (readonly FileEntry[] | AsyncIterable<SourceItem<Item>>)[],
  modality: Modality,
): AsyncGenerator<SourceItem<Item>> {
  for (const part of parts)
    if (!Array.isArray(part)) yield* part as AsyncIterable<SourceItem<Item>>;
    else
      for (const { key, path } of part as FileEntry[])
        yield fileItem(key, path, modality, await versionOf(path));
}

function fileItem(key: string, path: string, modality: Modality, version: string): SourceItem<Item> {
  return {
    key,
    version,
    load: async () => {
      const bytes = await readFile(path).catch((error: unknown) => {
        throw systemError(error, path);
      });
      return modality === "text" ? bytes.toString("utf8") : new Uint8Array(bytes);
    },
  };
}

/** Size and time; a file that is gone meanwhile fails when it is loaded. */
async function versionOf(path: string): Promise<string> {
  return stat(path).then(
    ({ size, mtimeMs }) => `${size}-${Math.floor(mtimeMs)}`,
    () => "absent",
  );
}

/** A record is known by its `id`, else by its line; what else it has becomes the point's payload. */
async function* records(path: string, modality: Modality, field: string): AsyncGenerator<SourceItem<Item>> {
  const input = path === "-" ? process.stdin : createReadStream(path);
  const folder = path === "-" ? "." : dirname(path);
  const name = path === "-" ? "line" : `${posix.normalize(path.split(sep).join("/"))}, line`;
  let number = 0;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (line.trim() === "") continue;
    yield recordItem(line, `${name} ${number}`, modality, field, folder);
  }
}

/** A line that is no record fails when it is loaded: the others go on. */
function recordItem(
  line: string,
  place: string,
  modality: Modality,
  field: string,
  folder: string,
): SourceItem<Item> {
  const version = createHash("sha256").update(line).digest("hex").slice(0, 32);
  const broken = (why: string): SourceItem<Item> => ({
    key: place,
    version,
    load: async () => {
      throw new UserError(why);
    },
  });
  let record: unknown;
  try {
    record = parseJson(line);
  } catch (cause) {
    return broken(`no JSON: ${(cause as Error).message}`);
  }
  if (typeof record !== "object" || record === null || Array.isArray(record)) return broken("no JSON object");
  const { [field]: content, ...rest } = record as Record<string, unknown>;
  const { id } = rest;
  const key = typeof id === "string" || typeof id === "number" || typeof id === "bigint" ? String(id) : place;
  if (typeof content !== "string") return { ...broken(`no text in the field ${JSON.stringify(field)}`), key };
  const payload = { ...rest, [field]: content };
  if (modality === "text") return { key, version, payload, load: async () => content };
  return { ...fileItem(key, resolve(folder, content), modality, version), payload };
}
