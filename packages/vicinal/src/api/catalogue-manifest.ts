/** What a catalogue's manifest says: names, aliases, folders, the writer's epoch. */
import { VicinalError } from "../runtime/errors.js";
import type { Directory } from "../storage/directory.js";
import type { Manifest } from "../storage/manifest.js";
import type { QuotaConfig } from "./schema/index.js";

export const FORMAT = 1;

export interface CatalogueManifest {
  format: number;
  /** Number of the opening that wrote it. */
  epoch: number;
  nextFolder: number;
  collections: { name: string; folder: number }[];
  /** Pairs of alias and collection; absent where none was ever made. */
  aliases?: [string, string][];
  /** Absent where none were ever set. */
  quotas?: QuotaConfig;
}

/** UNSUPPORTED for one of another format. */
export function readCatalogue(dir: Directory, { value }: Manifest): CatalogueManifest {
  const manifest = value as CatalogueManifest;
  if (manifest.format === FORMAT) return manifest;
  throw new VicinalError(
    "UNSUPPORTED",
    `${dir.location} was written in format ${manifest.format}; this version reads format ${FORMAT}`,
  );
}
