/** `vicinal snapshot` and `vicinal restore`: snapshots of a collection, or of all where none is named. */
import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { type Client, type SnapshotDescription, type Target, withClient } from "../client.js";
import { systemError } from "../errors.js";
import { progress } from "../progress.js";

export interface RestoreOptions {
  data: string;
  /** What the archive becomes; without it the archive's collections keep their names. */
  collection?: string;
  checksum?: string;
}

export async function createSnapshot(collection: string | undefined, target: Target): Promise<void> {
  await withClient(target, "write", async (client) => {
    const made = await (collection === undefined
      ? client.createFullSnapshot()
      : client.createSnapshot(collection));
    console.log(line(made));
  });
}

export async function listSnapshots(collection: string | undefined, target: Target): Promise<void> {
  await withClient(target, "read", async (client) => {
    const found = await list(client, collection);
    console.log(found.length === 0 ? "no snapshots" : found.map(line).join("\n"));
  });
}

function list(client: Client, collection: string | undefined): Promise<SnapshotDescription[]> {
  return collection === undefined ? client.listFullSnapshots() : client.listSnapshots(collection);
}

export async function deleteSnapshot(
  name: string,
  collection: string | undefined,
  target: Target,
): Promise<void> {
  await withClient(target, "write", async (client) => {
    if (collection === undefined) await client.deleteFullSnapshot(name);
    else await client.deleteSnapshot(collection, name);
    console.log(`${name} is deleted`);
  });
}

/** The file must not exist; one that could not be finished is deleted. */
export async function downloadSnapshot(
  name: string,
  file: string,
  collection: string | undefined,
  target: Target,
): Promise<void> {
  await withClient(target, "read", async (client) => {
    const archive = await (collection === undefined
      ? client.downloadFullSnapshot(name)
      : client.downloadSnapshot(collection, name));
    const bar = progress(`download ${name}`);
    let done = 0;
    let isMade = false;
    async function* counted() {
      for await (const chunk of archive) {
        yield chunk;
        done += chunk.length;
        bar.update(done, archive.size);
      }
    }
    const output = createWriteStream(file, { flags: "wx" }).on("open", () => {
      isMade = true;
    });
    try {
      await pipeline(counted(), output);
    } catch (error) {
      if (isMade) await rm(file, { force: true });
      throw systemError(error, file);
    } finally {
      bar.end(`${done.toLocaleString("en")} bytes`);
    }
  });
}

export async function restore(file: string, { data, collection, checksum }: RestoreOptions): Promise<void> {
  const { open } = await import("vicinal");
  const input = createReadStream(file);
  // Before a data folder is made for it.
  await new Promise((resolve, reject) => {
    input.once("open", resolve).once("error", (error) => reject(systemError(error, file)));
  });
  const database = await open(data);
  try {
    if (collection === undefined) await database.uploadFullSnapshot(input, { checksum });
    else await database.uploadSnapshot(collection, input, { checksum });
    const { collections } = await database.getCollections();
    console.log(
      `${data} holds ${collections
        .map(({ name }) => name)
        .sort()
        .join(", ")}`,
    );
  } finally {
    await database.close();
  }
}

function line({ name, creation_time, size }: SnapshotDescription): string {
  return `${name}  ${creation_time ?? ""}  ${size.toLocaleString("en")} bytes`;
}
