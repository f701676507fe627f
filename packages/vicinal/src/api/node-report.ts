/** What a node's telemetry and metrics say: its collections and its quotas. */
import { VicinalError } from "../runtime/errors.js";
import type { Collections } from "./catalogue.js";
import { describeCollection } from "./collections.js";
import { reportOf, type ShardReport } from "./operator-views.js";
import type { CollectionInfo, QuotaConfig } from "./schema/index.js";

export type { SegmentReport, ShardReport } from "./operator-views.js";

export interface CollectionReport {
  name: string;
  info: CollectionInfo;
  shard: ShardReport;
}

export interface DamagedCollection {
  name: string;
  /** Within the data folder. */
  folder: string;
  /** Code and message of what every use of it answers: they name the file and the place. */
  code: string;
  reason: string;
}

export interface NodeReport {
  /** How many there are, those that could not be opened included. */
  collectionCount: number;
  /** Those that are open. */
  collections: CollectionReport[];
  /** Those that could not be opened, whose files are damaged. */
  damaged: DamagedCollection[];
  quotas: {
    config: QuotaConfig;
    /** Null where a resource is not limited. */
    exceeded: { resident_memory: boolean | null; disk_usage: boolean | null };
  };
}

export function reportNode(catalogue: Collections): NodeReport {
  const { quotas } = catalogue;
  const names = catalogue.names();
  return {
    collectionCount: names.length,
    collections: names.flatMap((name) => {
      const collection = catalogue.find(name);
      return collection ? [{ name, info: describeCollection(collection), shard: reportOf(collection) }] : [];
    }),
    damaged: catalogue.setAside().map(({ name, folder, reason }) => ({
      name,
      folder: `collections/${folder}`,
      code: reason instanceof VicinalError ? reason.code : "INTERNAL",
      reason: reason instanceof Error ? reason.message : String(reason),
    })),
    quotas: { config: quotas.status().config, exceeded: quotas.exceeded() },
  };
}
