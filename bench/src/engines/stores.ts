/** Engines that store on disk, as the measurement of durable ingestion calls them. */
import { type Database, type Durability, open } from "vicinal";
import { loadPeer } from "./peers.js";
import { vicinalVersion } from "./vicinal.js";

/** What is stored of a row, beside its number. */
export interface Row {
  id: number;
  vector: Float32Array;
  colour: string;
}

export interface Store {
  readonly name: string;
  readonly version: string;
  /** What an acknowledgement means. */
  readonly promise: string;
  /** Opens an empty store in a folder; `add` resolves at the acknowledgement. */
  create(
    folder: string,
    dimensions: number,
  ): Promise<{ add(rows: Row[]): Promise<void>; close(): Promise<void> }>;
}

export function vicinalStore(durability: Durability): Store {
  const collection = "rows";
  const level = durability === "sync" ? "sync" : `interval ${durability.interval} ms`;
  return {
    name: `vicinal, ${level}`,
    version: vicinalVersion(),
    promise: durability === "sync" ? "synced" : "with the operating system, synced later",
    async create(folder, dimensions) {
      const database: Database = await open(folder, { durability });
      await database.createCollection(collection, { vectors: { size: dimensions, distance: "Euclid" } });
      return {
        async add(rows) {
          const points = rows.map(({ id, vector, colour }) => ({ id, vector, payload: { colour } }));
          await database.upsert(collection, { points });
        },
        close: () => database.close(),
      };
    },
  };
}

interface Zvec {
  ZVecCollectionSchema: new (schema: object) => object;
  ZVecCreateAndOpen(
    path: string,
    schema: object,
  ): { insertSync(documents: object[]): { ok?: boolean }[]; closeSync(): void };
  ZVecDataType: { VECTOR_FP32: number; STRING: number };
  ZVecIndexType: { HNSW: number };
  ZVecMetricType: { L2: number };
}

export function zvecStore(): Store {
  const { module, version } = loadPeer<Zvec>("@zvec/zvec");
  return {
    name: "zvec",
    version,
    promise: "insertSync has returned; whether it is synced was not looked at",
    async create(folder, dimensions) {
      const schema = new module.ZVecCollectionSchema({
        name: "rows",
        fields: [{ name: "colour", dataType: module.ZVecDataType.STRING }],
        vectors: {
          name: "v",
          dataType: module.ZVecDataType.VECTOR_FP32,
          dimension: dimensions,
          indexParams: { indexType: module.ZVecIndexType.HNSW, metricType: module.ZVecMetricType.L2 },
        },
      });
      const collection = module.ZVecCreateAndOpen(`${folder}/collection`, schema);
      return {
        async add(rows) {
          const documents = rows.map(({ id, vector, colour }) => ({
            id: String(id),
            vectors: { v: vector },
            fields: { colour },
          }));
          const refused = collection.insertSync(documents).find(({ ok }) => ok === false);
          if (refused) throw new Error(`zvec refused a row: ${JSON.stringify(refused)}`);
        },
        close: async () => collection.closeSync(),
      };
    },
  };
}

interface Lance {
  connect(folder: string): Promise<{
    createTable(
      name: string,
      rows: object[],
    ): Promise<{ add(rows: object[]): Promise<unknown>; close(): void }>;
    close(): void;
  }>;
}

export function lanceStore(): Store {
  const { module, version } = loadPeer<Lance>("@lancedb/lancedb");
  return {
    name: "LanceDB",
    version,
    promise: "add has resolved; whether it is synced was not looked at; no index is built meanwhile",
    async create(folder) {
      const connection = await module.connect(folder);
      let table: Awaited<ReturnType<typeof connection.createTable>> | undefined;
      return {
        async add(rows) {
          const plain = rows.map(({ id, vector, colour }) => ({ id, vector: Array.from(vector), colour }));
          if (table) await table.add(plain);
          else table = await connection.createTable("rows", plain);
        },
        async close() {
          table?.close();
          connection.close();
        },
      };
    },
  };
}
