/**
 * What a snapshot is made of: its description, which names immutable objects by their SHA-256. Nothing in it is the
 * machine's that made it.
 */

import {
  anyObject,
  array,
  choice,
  type Infer,
  issueError,
  object,
  optional,
  string,
  unsigned,
} from "../../runtime/schema.js";
import { blobDigest, isCollectionFile, logEpoch } from "../../segment/capture.js";
import { refused } from "../../storage/archive.js";
import { collectionName } from "../schema/common.js";
import { type SnapshotDescription, sha256Text } from "../schema/index.js";

export const SNAPSHOT_FORMAT = 1;

/** Above any that openings can count to, and far below what a log file's header holds. */
const EPOCH_MAX = 2 ** 31;

const file = object({ path: string(), bytes: unsigned(), sha256: sha256Text });
const collection = object({ name: collectionName, manifest: anyObject(), files: array(file) });
const body = object({
  format: unsigned(),
  kind: choice("collection", "full"),
  name: string(),
  created: string(),
  collections: array(collection),
  aliases: optional(array(array(string()))),
});

/** The form in which a snapshot travels: the first file of its archive. */
export type SnapshotBody = Infer<typeof body>;
export type SnapshotCollection = SnapshotBody["collections"][number];

/** As it lies in its store: also what its archive comes to. */
export type StoredSnapshot = SnapshotBody & { size: number; checksum: string };

/** Bytes of each object, in the order in which the archive has them. BAD_REQUEST where two files disagree. */
export function objectsOf({ collections }: SnapshotBody): Map<string, number> {
  const objects = new Map<string, number>();
  for (const { path, bytes, sha256 } of collections.flatMap(({ files }) => files)) {
    const known = objects.get(sha256);
    if (known !== undefined && known !== bytes)
      throw refused(`${path} is of ${bytes} bytes, but another file of the same digest of ${known}`);
    objects.set(sha256, bytes);
  }
  return objects;
}

/** Highest epoch of a writer of the logs. */
export function lastEpoch({ collections }: SnapshotBody): number {
  return Math.max(0, ...collections.flatMap(({ files }) => files.map(({ path }) => logEpoch(path) ?? 0)));
}

export function describe({ name, created, size, checksum }: StoredSnapshot): SnapshotDescription {
  return { name, creation_time: created.slice(0, 19), size, checksum };
}

/** A description that comes from anybody. BAD_REQUEST names what is wrong with it. */
export function parseDescription(text: Uint8Array): SnapshotBody {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch {
    throw refused("its description is not JSON");
  }
  const issue = body.check(value);
  if (issue !== undefined) throw refused(`its description: ${issueError(issue).message}`);
  const given = value as SnapshotBody;
  if (given.format !== SNAPSHOT_FORMAT)
    throw refused(`it has format ${given.format}; this version reads ${SNAPSHOT_FORMAT}`);
  if (given.kind === "collection" && given.collections.length !== 1)
    throw refused("a collection's snapshot holds one collection");
  unique(
    "collection",
    given.collections.map(({ name }) => name),
  );
  for (const pair of given.aliases ?? [])
    if (pair.length !== 2) throw refused("an alias is a pair of alias and collection");
  for (const { files } of given.collections) {
    unique(
      "file",
      files.map(({ path }) => path),
    );
    const foreign = files.find(({ path }) => !isCollectionFile(path));
    if (foreign) throw refused(`collections have no file ${JSON.stringify(foreign.path)}`);
    const misnamed = files.find(({ path, sha256 }) => (blobDigest(path) ?? sha256) !== sha256);
    if (misnamed) throw refused(`the digest of ${misnamed.path} is not the one in its name`);
    const digest = files.find(({ sha256 }) => sha256 !== sha256.toLowerCase());
    if (digest) throw refused(`the digest of ${digest.path} is not in lower case`);
  }
  objectsOf(given);
  if (lastEpoch(given) > EPOCH_MAX) throw refused(`a log of it is of epoch ${lastEpoch(given)}`);
  return given;
}

function unique(what: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw refused(`it has the ${what} ${JSON.stringify(twice)} twice`);
}
