/** What searches texts by their words: Vicinal, its exact scan, a plain scan, and other libraries. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, open } from "vicinal";
import { loadPeer } from "../engines/peers.js";

export interface TextEngine {
  readonly name: string;
  readonly version?: string;
  /** Larger sets take it too long. */
  readonly textsMax?: number;
  build(texts: readonly string[]): Promise<void>;
  /** Places of the best texts, best first. */
  search(query: string, k: number): Promise<number[]>;
  close(): Promise<void>;
}

const BATCH = 1000;

/** Two ways to ask one database: by its index, and by comparing with every text. */
export function vicinalEngines(): TextEngine[] {
  let db: Database;
  const search = (exact: boolean) => async (text: string, limit: number) => {
    const query = { text, model: "qdrant/bm25" };
    const { points } = await db.query("texts", { query, using: "words", limit, params: { exact } });
    return points.map(({ id }) => id as number);
  };
  const indexed: TextEngine = {
    name: "vicinal",
    async build(texts) {
      db = await open(":memory:");
      await db.createCollection("texts", { sparse_vectors: { words: { modifier: "idf" } } });
      const tokens = texts.reduce((sum, text) => sum + text.split(" ").length, 0);
      const options = { avg_len: tokens / texts.length };
      for (let first = 0; first < texts.length; first += BATCH) {
        const points = texts.slice(first, first + BATCH).map((text, i) => ({
          id: first + i,
          vector: { words: { text, model: "qdrant/bm25", options } },
        }));
        await db.upsert("texts", { points });
      }
      await db.engine.waitForIndex("texts");
    },
    search: search(false),
    close: () => db.close(),
  };
  return [
    indexed,
    { name: "vicinal, exact", build: async () => {}, search: search(true), close: async () => {} },
  ];
}

/** BM25 without an index: every text's words are compared with the query's. Words are lower-case runs of letters and digits. */
export function plainScan(): TextEngine {
  const K = 1.2;
  const B = 0.75;
  const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  let counts: Map<string, number>[] = [];
  let lengths: number[] = [];
  let average = 0;
  return {
    name: "plain scan",
    async build(texts) {
      counts = [];
      lengths = [];
      for (const text of texts) {
        const found = words(text);
        const count = new Map<string, number>();
        for (const word of found) count.set(word, (count.get(word) ?? 0) + 1);
        counts.push(count);
        lengths.push(found.length);
      }
      average = lengths.reduce((sum, length) => sum + length, 0) / texts.length;
    },
    async search(query, k) {
      const asked = [...new Set(words(query))];
      const holding = asked.map((word) => counts.reduce((sum, count) => sum + (count.has(word) ? 1 : 0), 0));
      const idf = holding.map((n) => Math.log((counts.length - n + 0.5) / (n + 0.5) + 1));
      const scored: { place: number; score: number }[] = [];
      for (const [place, count] of counts.entries()) {
        let score = 0;
        for (const [i, word] of asked.entries()) {
          const n = count.get(word);
          if (n) score += (idf[i] * n * (K + 1)) / (n + K * (1 - B + (B * lengths[place]) / average));
        }
        if (score > 0) scored.push({ place, score });
      }
      scored.sort((a, b) => b.score - a.score);
      return scored.slice(0, k).map(({ place }) => place);
    },
    async close() {},
  };
}

interface Orama {
  create(options: object): unknown;
  insertMultiple(db: unknown, documents: object[], batchSize: number): Promise<unknown>;
  search(db: unknown, query: object): Promise<{ hits: { document: { place: number } }[] }>;
}

/** Orama: BM25 in JavaScript, in memory. */
export function orama(): TextEngine {
  const { module, version } = loadPeer<Orama>("@orama/orama");
  let db: unknown;
  return {
    name: "orama",
    version,
    async build(texts) {
      const tokenizer = { language: "english", stemming: true };
      db = await module.create({ schema: { text: "string", place: "number" }, components: { tokenizer } });
      await module.insertMultiple(
        db,
        texts.map((text, place) => ({ text, place })),
        BATCH,
      );
    },
    async search(term, limit) {
      const { hits } = await module.search(db, { term, properties: ["text"], limit, threshold: 1 });
      return hits.map(({ document }) => document.place);
    },
    async close() {},
  };
}

interface Vectra {
  LocalIndex: new (folder: string) => VectraIndex;
}

interface VectraIndex {
  createIndex(): Promise<void>;
  beginUpdate(): Promise<void>;
  insertItem(item: object): Promise<unknown>;
  endUpdate(): Promise<void>;
  queryItems(
    vector: number[],
    query: string,
    k: number,
    filter: undefined,
    words: boolean,
  ): Promise<{ item: { metadata: { documentId: number; isBm25?: boolean } } }[]>;
}

/** Vectra: vectors in JSON files; its BM25 reads every text and makes its index anew for each query. */
export function vectra(): TextEngine {
  const { module, version } = loadPeer<Vectra>("vectra");
  let folder: string;
  let index: VectraIndex;
  return {
    name: "vectra",
    version,
    textsMax: 10_000,
    async build(texts) {
      folder = mkdtempSync(join(tmpdir(), "vectra-"));
      index = new module.LocalIndex(folder);
      await index.createIndex();
      await index.beginUpdate();
      for (const [place, text] of texts.entries()) {
        writeFileSync(join(folder, `${place}.txt`), text);
        const metadata = { documentId: place, startPos: 0, endPos: text.length };
        await index.insertItem({ vector: [1], metadata });
      }
      await index.endUpdate();
    },
    async search(query, k) {
      // Some come by their vectors first, all of which are the same.
      const found = await index.queryItems([1], query, k, undefined, true);
      return found.filter(({ item }) => item.metadata.isBm25).map(({ item }) => item.metadata.documentId);
    },
    async close() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
