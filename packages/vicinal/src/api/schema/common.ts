/**
 * What requests and answers share: point ids, payloads, selectors of what to return, options of an operation.
 *
 * All names and shapes in this folder are those of Qdrant's REST API 1.19, so that a body means the same over
 * HTTP and in process. In process the types are wider: ids may be `bigint`, vectors `Float32Array`.
 */
import { type PointId, pointIdSchema } from "../../payload/id.js";
import {
  anyObject,
  array,
  boolean,
  choice,
  type Infer,
  issueError,
  named,
  object,
  optional,
  string,
  uint64,
  under,
  union,
  unsigned,
  unsupported,
} from "../../runtime/schema.js";

/** Id of a point: an unsigned 64-bit integer or a UUID. */
export const extendedPointId = pointIdSchema;
export type ExtendedPointId = PointId;

/** The JSON object that a point carries. */
export const payload = named("Payload", anyObject());
export type Payload = Infer<typeof payload>;

export const shardKey = named("ShardKey", union(string(), uint64()));
export const shardKeySelector = named(
  "ShardKeySelector",
  union(shardKey, array(shardKey), object({ target: shardKey, fallback: shardKey })),
);

/** The field of requests that would address shards by key, which need custom sharding. */
export const shardKeyField = optional(unsupported(shardKeySelector));

export const withPayload = named(
  "WithPayloadInterface",
  union(
    boolean(),
    array(string()),
    named("PayloadSelectorInclude", object({ include: array(string()) })),
    named("PayloadSelectorExclude", object({ exclude: array(string()) })),
  ),
);
/** Whether to return payloads: all, none, some paths, or all but some. */
export type WithPayloadInterface = Infer<typeof withPayload>;

export const withVector = named("WithVector", union(boolean(), array(string())));
/** Whether to return vectors: all, none, or those of the given names. */
export type WithVector = Infer<typeof withVector>;

/** Name of a collection: also the name of a folder, hence the characters that file systems refuse are refused. */
export const collectionName = string({
  minLength: 1,
  maxLength: 255,
  pattern: {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
    regexp: /^[^<>:"/\\|?*\u0000-\u001f]*$/,
    says: 'a name without <>:"/\\|?* and control characters',
  },
});

/** How messages and paths call a collection's name. */
export const collectionNameParameter = "collection_name";

/** @throws OUT_OF_RANGE at the path `collection_name`. */
export function parseCollectionName(name: unknown): string {
  const issue = collectionName.check(name);
  if (issue !== undefined) throw issueError(under(collectionNameParameter, issue));
  return name as string;
}

export const memoryPlacement = named("Memory", choice("cold", "cached", "pinned"));

/** How strictly writes are ordered; one node orders all of them. */
export const writeOrdering = named("WriteOrdering", choice("weak", "medium", "strong"));
export type WriteOrdering = Infer<typeof writeOrdering>;

export const readConsistency = named(
  "ReadConsistency",
  union(unsigned(), choice("majority", "quorum", "all")),
);
export type ReadConsistency = Infer<typeof readConsistency>;

const timeout = optional(unsigned({ min: 1 })).describe("Seconds after which to give up waiting.");

/** Options of a write beside its body: query parameters over HTTP, fields of the argument in process. */
export const writeOptions = object({
  wait: optional(boolean()).describe(
    "Whether to answer only once the write is searchable. Default false over HTTP, true of the embedded database.",
  ),
  ordering: optional(writeOrdering),
  timeout,
});
export type WriteOptions = Infer<typeof writeOptions>;

/** Options of a read beside its body. */
export interface ReadOptions {
  consistency?: ReadConsistency;
  /** Seconds. */
  timeout?: number;
}
