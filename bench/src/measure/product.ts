/** What only the whole product can show: durable ingestion, a scan at the speed of memory, a query over HTTP. */
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "@vicinal/server";
import { type Database, open } from "vicinal";
import type { DataSet } from "../data/layout.js";
import type { BuildInput, BuildParameters } from "../engines/engine.js";
import { fill, vicinalCollection } from "../engines/vicinal.js";
import { compareScan, type ScanResult } from "./bandwidth.js";
import { clock, consume, type Elapsed, percentile } from "./stats.js";

/** Points that the promises about ingestion and HTTP speak of. */
const points = 100_000;
const httpQueries = 2000;
const warmQueries = 500;

export interface ProductResult {
  points: number;
  dimensions: number;
  /** Until the last acknowledgement, each after a sync; the index is built behind it. */
  ingest: Elapsed;
  /** From opening the closed folder to the first answer. */
  reopenMs: number;
  scan: ScanResult;
  rest: { p50Ms: number; p99Ms: number };
}

/** Measures on the first 100,000 vectors of a set, in a folder of the system's temporary one. */
export async function measureProduct(
  set: DataSet,
  parameters: BuildParameters,
  k: number,
): Promise<ProductResult> {
  const count = Math.min(points, set.meta.count);
  const { dimensions } = set.meta;
  const input: BuildInput = { ...set.meta, base: set.base, count };
  const folder = mkdtempSync(join(tmpdir(), "bench-vicinal-"));
  const queries = Array.from({ length: set.meta.queries }, (_, i) =>
    set.queries.slice(i * dimensions, (i + 1) * dimensions),
  );
  try {
    let database = await open(join(folder, "data"));
    const elapsed = clock();
    await fill(database, input, parameters, () => {});
    const ingest = elapsed();
    await database.waitForIndex(vicinalCollection, { everything: true });
    await database.close();

    const closed = performance.now();
    database = await open(join(folder, "data"));
    consume(await database.query(vicinalCollection, { query: queries[0], limit: k }));
    const reopenMs = performance.now() - closed;
    try {
      let next = 0;
      const scan = await compareScan(count * dimensions * 4, async () => {
        const query = queries[next++ % queries.length];
        consume(await database.query(vicinalCollection, { query, limit: k, params: { exact: true } }));
      });
      return {
        points: count,
        dimensions,
        ingest,
        reopenMs,
        scan,
        rest: await measureRest(database, queries, k),
      };
    } finally {
      await database.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One query at a time over one connection that is kept, the answer read to its end. */
async function measureRest(
  database: Database,
  queries: Float32Array[],
  k: number,
): Promise<{ p50Ms: number; p99Ms: number }> {
  const server = createServer({ database });
  const { url: address } = await server.listen({ port: 0 });
  const url = new URL(`/collections/${vicinalCollection}/points/query`, address);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const bodies = queries.map((query) => JSON.stringify({ query: Array.from(query), limit: k }));
  const times: number[] = [];
  try {
    for (let i = 0; i < warmQueries + httpQueries; i += 1) {
      const started = performance.now();
      consume(await post(url, agent, bodies[i % bodies.length]));
      if (i >= warmQueries) times.push(performance.now() - started);
    }
  } finally {
    agent.destroy();
    await server.close();
  }
  return { p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) };
}

function post(url: URL, agent: Agent, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        text += part;
      });
      response.on("end", () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${url}: ${response.statusCode} ${text}`));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
