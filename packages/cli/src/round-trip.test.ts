/** What `vicinal export` writes, `vicinal import` brings back: every kind of vector, payloads, ids, and blobs of any size. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "@vicinal/server";
import { type Database, open } from "vicinal";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { run } from "./index.js";

let folder: string;
let data: string;
let errors: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-round-"));
  data = join(folder, "data");
  errors = "";
  vi.spyOn(console, "error").mockImplementation((text) => {
    errors += `${text}\n`;
  });
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** More than goes with its point in one request. */
const large = Uint8Array.from({ length: 9 << 20 }, (_, i) => i * 7 + (i >> 9));

const settings = {
  vectors: {
    image: { size: 2, distance: "Dot" as const },
    parts: { size: 3, distance: "Dot" as const, multivector_config: { comparator: "max_sim" as const } },
  },
  sparse_vectors: { words: {} },
};

async function fillKinds(database: Database): Promise<void> {
  await database.createCollection("kinds", settings);
  await database.upsert("kinds", {
    points: [
      { id: 1, vector: { image: [0.125, 2] }, payload: { n: 2n ** 60n, nested: { list: [1, null, "é"] } } },
      {
        id: 2n ** 64n - 1n,
        vector: {
          parts: [
            [1, 2, 3],
            [4, 5, 0.25],
          ],
          words: { indices: [70_000, 3], values: [0.25, 2] },
        },
        blobs: { photo: { type: "image/jpeg", bytes: Uint8Array.of(255, 216) } },
      },
      {
        id: "5c56c793-69f3-4fbf-87e6-c4bf54c28c26",
        vector: { image: [3, 4], parts: [[7, 8, 9]] },
        payload: { a: 1 },
        blobs: {
          note: { type: "text/plain", bytes: new TextEncoder().encode("hi") },
          film: { type: "video/mp4", bytes: large },
        },
      },
      { id: 3, vector: {}, payload: { none: true } },
    ],
  });
}

const everything = (database: Database) =>
  database.scroll("kinds", { limit: 100, with_vector: true, with_blobs: true });

async function exported(): Promise<string> {
  const path = join(folder, "kinds.jsonl");
  const source = await open(data);
  await fillKinds(source);
  await source.close();
  expect(await run(["export", "kinds", path, "--blobs", "--data", data])).toBe(0);
  return path;
}

/** The lines by their content, in one order; bytes as their digest. */
function pointsOf(file: string): unknown[] {
  const brief = (key: string, value: unknown) =>
    key === "base64" ? createHash("sha256").update(String(value)).digest("hex") : value;
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines.sort().map((line) => JSON.parse(line, brief));
}

it("into a new folder, whose collection is made by the points", async () => {
  const path = await exported();
  const other = join(folder, "other");
  expect(await run(["import", "kinds", path, "--distance", "Dot", "--data", other]), errors).toBe(0);
  const [first, second] = [await open(data), await open(other)];
  try {
    expect(await everything(second)).toEqual(await everything(first));
    const { config } = await second.getCollection("kinds");
    expect(config.params).toMatchObject(settings);
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
  const again = join(folder, "again.jsonl");
  expect(await run(["export", "kinds", again, "--blobs", "--data", other])).toBe(0);
  expect(pointsOf(again)).toEqual(pointsOf(path));
}, 30_000);

it("into a server, blobs that are larger than a request behind their points", async () => {
  const path = await exported();
  const database = await open(":memory:");
  const server = createServer({ database });
  const { port } = await server.listen({ port: 0 });
  try {
    const url = `http://127.0.0.1:${port}`;
    expect(await run(["import", "kinds", path, "--distance", "Dot", "--url", url]), errors).toBe(0);
    const again = join(folder, "again.jsonl");
    expect(await run(["export", "kinds", again, "--blobs", "--url", url]), errors).toBe(0);
    expect(readFileSync(again, "utf8").length).toBeGreaterThan(large.length);
    expect(pointsOf(again)).toEqual(pointsOf(path));
  } finally {
    await server.close();
    await database.close();
  }
}, 30_000);
