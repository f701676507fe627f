/** What a node's telemetry and metrics say: its collections and its quotas. */
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

export interface NodeReport {
  /** How many there are, those that could not be opened included. */
  collectionCount: number;
  /** Those that are open. */
  collections: CollectionReport[];
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
    quotas: { config: quotas.status().config, exceeded: quotas.exceeded() },
  };
}
