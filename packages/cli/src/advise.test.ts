/** `vicinal advise` on a folder and over HTTP. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "@vicinal/server";
import { type Database, open } from "vicinal";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { run } from "./index.js";

let folder: string;
let data: string;
let output: string;
let errors: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-advise-"));
  data = join(folder, "data");
  output = "";
  errors = "";
  vi.spyOn(console, "log").mockImplementation((text) => {
    output += `${text}\n`;
  });
  vi.spyOn(console, "error").mockImplementation((text) => {
    errors += `${text}\n`;
  });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    errors += text;
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** Points on a spiral, so that nearest ones are neighbours. */
const point = (i: number) => ({ id: i, vector: [i * Math.cos(i / 9), i * Math.sin(i / 9), i / 3] });
const count = 900;

async function fill(database: Database): Promise<void> {
  await database.createCollection("spiral", { vectors: { size: 3, distance: "Euclid" } });
  await database.upsert("spiral", { points: Array.from({ length: count }, (_, i) => point(i)) });
}

async function indexOf(database: Database): Promise<unknown> {
  const { config } = await database.getCollection("spiral");
  return (config.params.vectors as { index?: unknown }).index;
}

const advise = ["advise", "spiral", "--families", "flat,kmeans-tree"];

it("prints a table of at most 80 columns, draws a picture and applies what it recommends", async () => {
  const database = await open(data);
  await fill(database);
  await database.close();
  const svg = join(folder, "advice.svg");
  const limits = ["--memory", "1MiB", "--latency", "1s", "--recall", "0.9", "-k", "5"];
  expect(await run([...advise, "--data", data, "--svg", svg, "--apply", ...limits])).toBe(0);
  for (const line of output.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  expect(output).toMatch(/^900 points, 3 dimensions, Euclid. Recall@5 of 0.9 or more/);
  expect(output).toMatch(/^> (flat|kmeans-tree) +[01]\.\d{3} /m);
  expect(output).toMatch(/answers [\d,]+ queries per second/);
  expect(readFileSync(svg, "utf8")).toMatch(/^<svg[\s\S]*>kmeans-tree<[\s\S]*<\/svg>\n$/);
  const chosen = /^> (\S+)/m.exec(output)?.[1];
  expect(errors).toContain(`spiral gets the index ${chosen}`);
  const again = await open(data);
  expect(await indexOf(again)).toEqual({ type: chosen });
  await again.close();
});

it("takes real queries from a file, and prints JSON", async () => {
  const database = await open(data);
  await fill(database);
  await database.close();
  const queries = join(folder, "queries.jsonl");
  const some = Array.from({ length: 30 }, (_, i) => ({ ...point(i * 20 + 0.5), id: i }));
  writeFileSync(queries, some.map((one) => JSON.stringify(one)).join("\n"));
  expect(await run([...advise, "--data", data, "--queries", queries, "--json"])).toBe(0);
  const advice = JSON.parse(output);
  expect(advice).toMatchObject({ points: count, queries: { count: 30, source: "given" }, wanted: { k: 10 } });
  expect(advice.rows.map(({ name }: { name: string }) => name).sort()).toEqual(["flat", "kmeans-tree"]);
});

it("says what to do when a server holds the folder", async () => {
  const holder = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import { open } from "vicinal"; await open(process.argv[1]); console.log("open"); setInterval(() => {}, 1000);`,
      data,
    ],
    { cwd: import.meta.dirname, stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = once(holder, "close");
  try {
    await once(holder.stdout, "data");
    expect(await run([...advise, "--data", data])).toBe(1);
    expect(errors).toMatch(/in use by process \d+; if that is a server, ask it: --url instead of --data/);
  } finally {
    holder.kill("SIGKILL");
    await ended;
  }
});

it("samples a server's collection, measures here, and applies there", async () => {
  const database = await open(":memory:");
  await fill(database);
  const server = createServer({ database });
  const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
  try {
    expect(await run([...advise, "--url", url, "--sample", "300", "--apply", "--json"])).toBe(0);
    const advice = JSON.parse(output);
    expect(advice).toMatchObject({ points: count, sampled: 300, queries: { source: "withheld" } });
    expect(advice.rows[0].full.vectors).toBe(count);
    expect(await indexOf(database)).toEqual({ type: advice.recommended.family });
    expect(await run(["advise", "absent", "--url", url])).toBe(1);
    expect(errors).toMatch(/absent/);
  } finally {
    await server.close();
    await database.close();
  }
});

it.each([
  [["--memory", "12 parsecs"], "--memory"],
  [["--latency", "0ms"], "--latency"],
  [["--recall", "1.1"], "--recall"],
  [["--families", "hsnw"], "families"],
  [["--svg", "/absent/folder/a.svg"], "/absent/folder"],
])("refuses %j by its name", async (options, name) => {
  const database = await open(data);
  await fill(database);
  await database.close();
  expect(await run(["advise", "spiral", "--data", data, ...options])).toBe(1);
  expect(errors).toContain(name);
  expect(output).toBe("");
});

it("needs a folder that is there", async () => {
  expect(await run(["advise", "spiral", "--data", join(folder, "absent")])).toBe(1);
  expect(errors).toMatch(/there is no data folder .*absent/);
  expect(existsSync(join(folder, "absent"))).toBe(false);
});
