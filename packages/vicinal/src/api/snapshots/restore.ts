/**
 * Restoring from an archive. Its objects are written into new folders beside the collections there are, each checked
 * against its length and its SHA-256, and the collections in them are opened, which checks every file's own checksums.
 * Only then does one commit of the catalogue put them in the place of the old ones. A failure before leaves nothing.
 */
import { VicinalError } from "../../runtime/errors.js";
import { Sha256 } from "../../runtime/sha256.js";
import type { Collection } from "../../segment/collection.js";
import { ArchiveReader, type Chunks, refused } from "../../storage/archive.js";
import type { Directory } from "../../storage/directory.js";
import { Manifests } from "../../storage/manifest.js";
import type { Collections, StagedFolder } from "../catalogue.js";
import { lastEpoch, objectsOf, parseDescription, type SnapshotBody } from "./description.js";
import { DESCRIPTION, OBJECTS } from "./store.js";

/** A description is held in memory as a whole. */
const DESCRIPTION_BYTES_MAX = 64 * 2 ** 20;

export interface RestoreOptions {
  /** What the archive's SHA-256 must be. */
  checksum?: string | null;
  /** Refuses by throwing, before anything is made. */
  admit(body: SnapshotBody): void;
  /** The name that a collection gets. */
  nameFor(name: string): string;
  /** Whether the archive's aliases are made, too. */
  withAliases: boolean;
}

interface Staged extends StagedFolder {
  name: string;
  collection?: Collection;
}

export async function restoreArchive(
  catalogue: Collections,
  chunks: Chunks,
  options: RestoreOptions,
): Promise<void> {
  const archiveHash = new Sha256();
  const reader = new ArchiveReader(hashed(chunks, archiveHash));
  let staged: Staged[] = [];
  try {
    const body = await readDescription(reader);
    options.admit(body);
    const { epoch, folders } = await catalogue.stage(body.collections.length, lastEpoch(body));
    staged = body.collections.map(({ name }, i) => ({ name: options.nameFor(name), ...folders[i] }));
    await readObjects(reader, body, staged);
    if ((await reader.next()) !== undefined) throw refused("it holds more than its description names");
    checkSum(archiveHash.hex(), options.checksum);
    for (const [i, { manifest }] of body.collections.entries())
      staged[i].collection = await openStaged(catalogue, staged[i], manifest, epoch);
    const aliases = options.withAliases ? (body.aliases as [string, string][] | undefined) : undefined;
    await catalogue.replace(staged as Required<Staged>[], aliases);
  } catch (reason) {
    for (const { collection } of staged) await collection?.close().catch(() => {});
    await catalogue.unstage(staged);
    throw reason;
  } finally {
    await reader.close();
  }
}

async function* hashed(chunks: Chunks, hash: Sha256): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

async function readDescription(reader: ArchiveReader): Promise<SnapshotBody> {
  const first = await reader.next();
  if (first?.name !== DESCRIPTION) throw refused(`it does not begin with ${DESCRIPTION}`);
  if (first.size > DESCRIPTION_BYTES_MAX) throw refused(`its description is of ${first.size} bytes`);
  return parseDescription(await reader.exactly(first.size));
}

/** Writes each object into every file that it is. */
async function readObjects(reader: ArchiveReader, body: SnapshotBody, staged: Staged[]): Promise<void> {
  for (const [sha256, bytes] of objectsOf(body)) {
    const found = await reader.next();
    if (found?.name !== `${OBJECTS}/${sha256}`)
      throw refused(`expected ${OBJECTS}/${sha256}, found ${JSON.stringify(found?.name ?? "its end")}`);
    if (found.size !== bytes)
      throw refused(`${found.name} is of ${found.size} bytes, its description says ${bytes}`);
    const targets = body.collections.flatMap(({ files }, i) =>
      files.filter((file) => file.sha256 === sha256).map(({ path }) => ({ path, dir: staged[i].dir })),
    );
    await writeObject(reader.bytes(bytes), sha256, targets);
  }
}

async function writeObject(
  chunks: AsyncIterable<Uint8Array>,
  sha256: string,
  targets: { path: string; dir: Directory }[],
): Promise<void> {
  const hash = new Sha256();
  const writers = [];
  try {
    for (const { path, dir } of targets) writers.push(await dir.create(path));
    for await (const chunk of chunks) {
      hash.update(chunk);
      for (const writer of writers) await writer.append(chunk);
    }
    if (hash.hex() !== sha256) throw refused(`the bytes of ${OBJECTS}/${sha256} have another SHA-256`);
    for (const writer of writers) await writer.sync();
  } finally {
    for (const writer of writers) await writer.close();
  }
}

function checkSum(actual: string, expected: string | null | undefined): void {
  if (expected && expected.toLowerCase() !== actual)
    throw new VicinalError(
      "BAD_REQUEST",
      `Bad request: Snapshot checksum mismatch: expected ${expected.toLowerCase()}, the archive's is ${actual}`,
      { expected, actual },
    );
}

/** The manifest is not covered by a digest of its own: whatever opening says of it is said of the archive. */
async function openStaged(
  catalogue: Collections,
  { folder, dir }: Staged,
  manifest: object,
  epoch: number,
): Promise<Collection> {
  try {
    await new Manifests(dir).commit(manifest);
    return await catalogue.openFolder(folder, epoch);
  } catch (cause) {
    if (
      cause instanceof VicinalError &&
      !["CORRUPTION", "FILE_NOT_FOUND", "BAD_REQUEST"].includes(cause.code)
    )
      throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new VicinalError(
      "BAD_REQUEST",
      `Bad request: The snapshot's archive is refused: ${why}`,
      {},
      { cause },
    );
  }
}
