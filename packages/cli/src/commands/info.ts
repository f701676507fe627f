/** `vicinal info`: what a database holds. */
import { type MemoryNode, type MemoryTree, stringifyJson } from "vicinal/protocol";
import { type CollectionInfo, type Target, type VectorSettings, withClient } from "../client.js";

export interface InfoOptions extends Target {
  json?: boolean;
  memory?: boolean;
}

export async function info(collection: string | undefined, options: InfoOptions): Promise<void> {
  await withClient(options, "read", async (client) => {
    if (options.memory) {
      // What is held of a collection is told once it is open.
      if (collection !== undefined) await client.getCollection(collection);
      const tree = await client.explainMemory();
      console.log(options.json ? stringifyJson(tree) : memoryLines(tree, collection).join("\n"));
      return;
    }
    const names =
      collection === undefined
        ? (await client.getCollections()).collections.map(({ name }) => name).sort()
        : [collection];
    const found: Record<string, CollectionInfo> = {};
    for (const name of names) found[name] = await client.getCollection(name);
    if (options.json) {
      console.log(stringifyJson(found));
    } else if (names.length === 0) {
      console.log("no collections");
    } else {
      for (const name of names) console.log(lines(name, found[name]));
    }
  });
}

function memoryLines(tree: MemoryTree, collection: string | undefined): string[] {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1).padStart(10)} MB`;
  const under = ({ what, bytes, parts = [] }: MemoryNode, depth: number): string[] => [
    `${megabytes(bytes)}  ${"  ".repeat(depth)}${what}`,
    ...parts.flatMap((part) => under(part, depth + 1)),
  ];
  if (collection !== undefined)
    return (tree.parts ?? [])
      .filter(({ what }) => what === `collection ${collection}`)
      .flatMap((part) => under(part, 0));
  const resident = tree.resident === null ? [] : [`${megabytes(tree.resident)}  process`];
  const budget = tree.budget === null ? [] : [`${megabytes(tree.budget)}  budget`];
  return [...resident, ...budget, ...under(tree, 0)];
}

function lines(name: string, info: CollectionInfo): string {
  const count = (value: number | null | undefined) => (value ?? 0).toLocaleString("en");
  return [
    name,
    `  status    ${info.status}`,
    `  points    ${count(info.points_count)}, of which indexed ${count(info.indexed_vectors_count)}`,
    `  segments  ${count(info.segments_count)}`,
    ...vectorLines(info.config.params.vectors).map((line) => `  vector    ${line}`),
  ].join("\n");
}

function vectorLines(vectors: CollectionInfo["config"]["params"]["vectors"]): string[] {
  const one = ({ size, distance }: VectorSettings) => `${size} dimensions, ${distance}`;
  if (vectors === undefined || vectors === null) return [];
  if (isSettings(vectors)) return [one(vectors)];
  return Object.entries(vectors).map(([name, settings]) => `${name}: ${one(settings)}`);
}

function isSettings(vectors: VectorSettings | Record<string, VectorSettings>): vectors is VectorSettings {
  return typeof vectors.size === "number";
}
