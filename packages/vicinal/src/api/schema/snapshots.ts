/** Snapshots: what is told of one, and from where a collection is restored. */
import {
  choice,
  type Infer,
  named,
  nullable,
  object,
  optional,
  record,
  string,
  unsigned,
} from "../../runtime/schema.js";

/** 64 hexadecimal digits. */
export const sha256Text = string({
  pattern: { regexp: /^[0-9a-fA-F]{64}$/, says: "a SHA-256 of 64 hexadecimal digits (invalid_sha256_hash)" },
});

export const snapshotDescription = named(
  "SnapshotDescription",
  object({
    name: string(),
    /** UTC, `2026-11-23T09:30:00`. */
    creation_time: optional(string()),
    /** Bytes of the archive that a download gives. */
    size: unsigned(),
    /** SHA-256 of that archive. */
    checksum: optional(string()),
  }),
);
export type SnapshotDescription = Infer<typeof snapshotDescription>;

/** Which replicas would be believed; of one node without effect. */
export const snapshotPriority = named("SnapshotPriority", choice("no_sync", "snapshot", "replica"));
export type SnapshotPriority = Infer<typeof snapshotPriority>;

export const snapshotUpload = object({
  priority: optional(nullable(snapshotPriority)),
  checksum: optional(nullable(sha256Text)),
});
export type SnapshotUpload = Infer<typeof snapshotUpload>;

export const snapshotRecover = named(
  "SnapshotRecover",
  object({
    location: string({ minLength: 1 }).describe(
      "A URL (http, https, file within the snapshots' folder), or the name of one of the collection's snapshots.",
    ),
    priority: optional(nullable(snapshotPriority)),
    checksum: optional(nullable(sha256Text)),
    api_key: optional(nullable(string())).describe("Sent as header `api-key` where the location is a URL."),
  }),
);
export type SnapshotRecover = Infer<typeof snapshotRecover>;

/** By segment: the last write that changed it, and each of its parts. */
export const partialSnapshotManifest = named(
  "SnapshotManifest",
  record(object({ segment_id: string(), segment_version: unsigned(), file_versions: record(unsigned()) })),
);
export type PartialSnapshotManifest = Infer<typeof partialSnapshotManifest>;
