/** What a catalogue says, or, where its newest manifest is damaged, what the one before and the folders say. */
import { VicinalError } from "../../runtime/errors.js";
import { chooseManifest } from "../../segment/integrity/check-collection.js";
import type { Fault } from "../../segment/integrity/faults.js";
import type { Directory } from "../../storage/directory.js";
import { readManifests } from "../../storage/manifest.js";
import { type CatalogueManifest, FORMAT } from "../catalogue-manifest.js";

export interface FoundCatalogue {
  manifest: CatalogueManifest;
  faults: Fault[];
  /** Names given to collections of which no readable manifest knows the name. */
  recovered: string[];
  /** Collections that the older manifest names and that have no files: they had been deleted. */
  dropped: string[];
}

/** UNSUPPORTED where a later version wrote it. */
export async function findCatalogue(dir: Directory): Promise<FoundCatalogue> {
  const files = await readManifests(dir.folder("catalogue"));
  const faults: Fault[] = [];
  const { current } = chooseManifest(files, faults);
  const newest = files.find(({ problem }) => problem === undefined);
  const base = (current ?? newest)?.value as CatalogueManifest | undefined;
  if (base && base.format !== FORMAT)
    throw new VicinalError(
      "UNSUPPORTED",
      `${dir.location} was written in format ${base.format}; this version reads format ${FORMAT}`,
      { expected: FORMAT, actual: base.format },
    );
  if (files.length === 0) faults.push(noManifest);
  if (current && base) return { manifest: base, faults, recovered: [], dropped: [] };
  return { ...(await putTogether(dir, base)), faults };
}

export const noManifest: Fault = {
  file: "manifest",
  offset: 0,
  what: "file",
  expected: "a manifest",
  actual: "none",
  role: "data",
};

async function putTogether(
  dir: Directory,
  base: CatalogueManifest | undefined,
): Promise<Omit<FoundCatalogue, "faults">> {
  const paths = await dir.folder("collections").list();
  const folders = new Set(paths.map((path) => Number(path.slice(0, path.indexOf("/")))));
  const listed = base?.collections ?? [];
  const collections = listed.filter(({ folder }) => folders.has(folder));
  const dropped = listed.filter(({ folder }) => !folders.has(folder)).map(({ name }) => name);
  const recovered: string[] = [];
  for (const folder of [...folders].sort((a, b) => a - b)) {
    if (collections.some((known) => known.folder === folder)) continue;
    let name = `recovered-${folder}`;
    while (collections.some((known) => known.name === name)) name += "-";
    collections.push({ name, folder });
    recovered.push(name);
  }
  const epochs = paths.map((path) => Number(/\/log\/log-\d+-(\d+)$/.exec(path)?.[1] ?? 0));
  const names = new Set(collections.map(({ name }) => name));
  const manifest: CatalogueManifest = {
    format: FORMAT,
    epoch: Math.max(base?.epoch ?? 0, ...epochs) + 1,
    nextFolder: Math.max(base?.nextFolder ?? 1, ...[...folders].map((folder) => folder + 1)),
    collections,
    aliases: base?.aliases?.filter(([, name]) => names.has(name)) ?? [],
    quotas: base?.quotas ?? {},
  };
  return { manifest, recovered, dropped };
}
