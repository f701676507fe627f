/** Where a model's file is looked for; each platform has its own places. */
import { ExtractError } from "../errors.js";
import type { ModelFile } from "./catalogue.js";

export { locateModel } from "#platform/locate.js";

export interface LocateOptions {
  /** Folder of models; default: `VICINAL_MODELS`. In a page: the address below which they lie; default `models/` beside the page. */
  folder?: string;
  /** What downloads go to; default `~/.cache/vicinal/models`. In a page: the name of a cache of the Cache API; default `vicinal-models`. */
  cache?: string;
  /** Address of the hub; default https://huggingface.co. */
  hub?: string;
  /** Whether the hub may be asked. Default true. */
  download?: boolean;
  /** Bytes that are there, of all (0: unknown). */
  onDownload?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

export function hubAddress(
  { repository, path }: { repository: string; path: string },
  { hub = "https://huggingface.co" }: LocateOptions,
): string {
  return `${hub}/${repository}/resolve/main/${path}`;
}

/** @param found SHA-256 in hexadecimal, where one is expected */
export function damaged(
  id: string,
  place: string,
  length: number,
  found: string | undefined,
  { bytes: size, sha256 }: ModelFile,
): ExtractError {
  return new ExtractError(
    "MODEL_DAMAGED",
    `${place} is not the file of ${id}: ${length} bytes${found ? ` with SHA-256 ${found}` : ""}, expected ${size ?? "any number"}${sha256 ? ` with ${sha256}` : ""}`,
  );
}
