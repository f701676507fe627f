/**
 * Snapshots: of a collection, of all, and of shards. A collection is one shard, 0, so that the shard's snapshots and the
 * collection's are the same.
 */
import {
  array,
  boolean,
  type EngineApi,
  object,
  partialSnapshotManifest,
  type SnapshotArchive,
  type SnapshotUpload,
  snapshotDescription,
  snapshotRecover,
  snapshotUpload,
  string,
  VicinalError,
  writeOptions,
} from "vicinal/protocol";
import type { FormBody } from "./multipart.js";
import { type Call, type Route, route } from "./route.js";

const { wait } = writeOptions.fields;
const waiting = object({ wait });
const uploading = object({ wait, ...snapshotUpload.fields });

const collection = "/collections/{collection_name}";
const shard = `${collection}/shards/{shard_id}`;

const snapshots = array(snapshotDescription);
const archive = { response: "application/octet-stream" } as const;
const form = { request: { type: "multipart/form-data", field: "snapshot" } } as const;

/** Where the path has a shard, that must be the one there is, and the collection must be there. */
async function checkShard({ engine, collection, path }: Call<unknown, unknown>): Promise<void> {
  if (path.shard_id === undefined) return;
  await engine.collectionClusterInfo(collection);
  if (path.shard_id !== "0")
    throw new VicinalError("SNAPSHOT_NOT_FOUND", `Not found: Shard ${path.shard_id} does not exist`, {
      shard: path.shard_id,
    });
}

function upload({ engine, collection, body, parameters }: Call<unknown, unknown>): Promise<boolean> {
  const { checksum, priority } = parameters as SnapshotUpload;
  if (typeof (body as FormBody | undefined)?.withFile !== "function")
    throw new VicinalError("BAD_REQUEST", "Bad request: Content type error: expected multipart/form-data");
  return (body as FormBody).withFile("snapshot", (file) =>
    engine.uploadSnapshot(collection, file, { checksum, priority }),
  );
}

/** The state as it is now, which is not kept. */
async function current(engine: EngineApi, collection: string): Promise<SnapshotArchive> {
  const { name } = await engine.createSnapshot(collection);
  const taken = await engine.downloadSnapshot(collection, name);
  async function* once() {
    try {
      yield* taken;
    } finally {
      await engine.deleteSnapshot(collection, name);
    }
  }
  return { name, size: taken.size, checksum: taken.checksum, [Symbol.asyncIterator]: once };
}

/** The same rows for a collection and for its shard. */
function rows(under: string, of: "" | "shard_"): Route[] {
  const what = of === "" ? "a collection" : "a shard";
  const checked = <P, B, R>(run: (call: Call<B, P>) => Promise<R>) => {
    return async (call: Call<B, P>): Promise<R> => {
      await checkShard(call as Call<unknown, unknown>);
      return run(call);
    };
  };
  const uploadName = of === "" ? "recover_from_uploaded_snapshot" : "recover_shard_from_uploaded_snapshot";
  const recoverName = of === "" ? "recover_from_snapshot" : "recover_shard_from_snapshot";
  return [
    route(`list_${of}snapshots`, "GET", `${under}/snapshots`, `List the snapshots of ${what}`, {
      result: snapshots,
      run: checked(({ engine, collection }) => engine.listSnapshots(collection)),
    }),
    route(`create_${of}snapshot`, "POST", `${under}/snapshots`, `Take a snapshot of ${what}`, {
      parameters: waiting,
      background: true,
      result: snapshotDescription,
      run: checked(({ engine, collection }) => engine.createSnapshot(collection)),
    }),
    route(
      `get_${of}snapshot`,
      "GET",
      `${under}/snapshots/{snapshot_name}`,
      `Download a snapshot of ${what}`,
      {
        result: string(),
        media: archive,
        run: checked(({ engine, collection, path }) =>
          engine.downloadSnapshot(collection, path.snapshot_name),
        ),
      },
    ),
    route(
      `delete_${of}snapshot`,
      "DELETE",
      `${under}/snapshots/{snapshot_name}`,
      `Delete a snapshot of ${what}`,
      {
        parameters: waiting,
        background: true,
        result: boolean(),
        run: checked(({ engine, collection, path }) => engine.deleteSnapshot(collection, path.snapshot_name)),
      },
    ),
    route(recoverName, "PUT", `${under}/snapshots/recover`, `Restore ${what} from a snapshot`, {
      parameters: waiting,
      background: true,
      body: snapshotRecover,
      result: boolean(),
      run: checked(({ engine, collection, body }) => engine.recoverSnapshot(collection, body)),
    }),
    route(uploadName, "POST", `${under}/snapshots/upload`, `Restore ${what} from a snapshot that is sent`, {
      parameters: uploading,
      result: boolean(),
      media: form,
      run: checked(upload),
    }),
  ];
}

export const snapshotRoutes: readonly Route[] = [
  ...rows(collection, ""),
  ...rows(shard, "shard_"),
  route("stream_shard_snapshot", "GET", `${shard}/snapshot`, "Download a shard as it is now", {
    result: string(),
    media: archive,
    run: async (call) => {
      await checkShard(call);
      return current(call.engine, call.collection);
    },
  }),
  route(
    "get_partial_snapshot_manifest",
    "GET",
    `${shard}/snapshot/partial/manifest`,
    "Describe a shard's parts",
    {
      result: partialSnapshotManifest,
      run: async (call) => {
        await checkShard(call);
        return call.engine.getPartialSnapshotManifest(call.collection);
      },
    },
  ),
  // Replicas are brought up to date with parts of a snapshot; one node has none.
  route("recover_partial_snapshot", "POST", `${shard}/snapshot/partial/recover`, "Update a replica", {
    parameters: uploading,
    result: boolean(),
    media: form,
    run: async (call) => {
      await checkShard(call);
      throw new VicinalError("STANDALONE", "Partial snapshots: Vicinal is running in standalone mode");
    },
  }),

  route("list_full_snapshots", "GET", "/snapshots", "List the snapshots of all collections", {
    result: snapshots,
    run: ({ engine }) => engine.listFullSnapshots(),
  }),
  route("create_full_snapshot", "POST", "/snapshots", "Take a snapshot of all collections", {
    parameters: waiting,
    background: true,
    result: snapshotDescription,
    run: ({ engine }) => engine.createFullSnapshot(),
  }),
  route("get_full_snapshot", "GET", "/snapshots/{snapshot_name}", "Download a snapshot of all collections", {
    result: string(),
    media: archive,
    run: ({ engine, path }) => engine.downloadFullSnapshot(path.snapshot_name),
  }),
  route(
    "delete_full_snapshot",
    "DELETE",
    "/snapshots/{snapshot_name}",
    "Delete a snapshot of all collections",
    {
      parameters: waiting,
      background: true,
      result: boolean(),
      run: ({ engine, path }) => engine.deleteFullSnapshot(path.snapshot_name),
    },
  ),
];
