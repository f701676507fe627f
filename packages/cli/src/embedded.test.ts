/** The commands on a data folder, opened in this process; and the commands as a user starts them. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { open } from "vicinal";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "./index.js";

let folder: string;
let data: string;
let output: string;
let errors: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-cli-"));
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

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const lines = (points: unknown[]) => points.map((point) => JSON.stringify(point)).join("\n");

/** Points on a line: the nearest of i are its neighbours. */
const onLine = Array.from({ length: 50 }, (_, i) => ({ id: i, vector: [i, 0], payload: { n: i } }));

describe("a data folder", () => {
  it("is exported with blobs, and imported elsewhere", async () => {
    const bytes = Buffer.from("a photo");
    const first = await open(data);
    await first.createCollection("line", { vectors: { size: 2, distance: "Dot" } });
    const blobs = { photo: { type: "image/jpeg", bytes } };
    const points = onLine.map((point) => (point.id % 7 === 0 ? { ...point, blobs } : point));
    await first.upsert("line", { points });
    const shown = await first.scroll("line", { limit: 100, with_vector: true, with_blobs: true });
    await first.close();
    const exported = join(folder, "line.jsonl");
    expect(await run(["export", "line", exported, "--blobs", "--batch", "8", "--data", data])).toBe(0);
    // A file that is there stays as it is.
    expect(await run(["export", "line", exported, "--data", data])).toBe(1);
    const other = join(folder, "other");
    expect(await run(["import", "line", exported, "--distance", "Dot", "--data", other])).toBe(0);
    const second = await open(other);
    expect(await second.scroll("line", { limit: 100, with_vector: true, with_blobs: true })).toEqual(shown);
    const parts: Uint8Array[] = [];
    for await (const part of (await second.getBlob("line", 7, "photo")).bytes) parts.push(part);
    expect(Buffer.concat(parts)).toEqual(bytes);
    await second.close();
  });

  it("is filled, described and searched", async () => {
    const points = file("points.jsonl", lines(onLine));
    expect(
      await run(["import", "line", points, "--data", data, "--distance", "Euclid", "--batch", "7"]),
    ).toBe(0);
    expect(await run(["info", "--data", data])).toBe(0);
    expect(output).toMatch(/^line\n {2}status.*\n {2}points {4}50,/);
    expect(output).toMatch(/2 dimensions, Euclid/);
    output = "";
    expect(await run(["info", "line", "--memory", "--data", data])).toBe(0);
    expect(output).toMatch(/^ +\d+\.\d MB {2}collection line\n +\d+\.\d MB {4}segment /);
    output = "";
    expect(
      await run(["search", "line", "--data", data, "--vector", "[20.1, 0]", "--limit", "3", "--exact"]),
    ).toBe(0);
    expect(
      output
        .trim()
        .split("\n")
        .map((line) => line.split("\t")[0]),
    ).toEqual(["20", "21", "19"]);
    output = "";
    expect(await run(["search", "line", "--data", data, "--id", "20", "--limit", "1", "--json"])).toBe(0);
    expect(JSON.parse(output)[0].payload.n).toSatisfy((n: number) => n === 19 || n === 21);
  });

  it("keeps the batches before one that is refused, and names that one", async () => {
    const wrong = [...onLine.slice(0, 4), { id: 4, vector: [1, 2, 3] }];
    const points = file("points.jsonl", lines(wrong));
    expect(await run(["import", "line", points, "--data", data, "--batch", "2"])).toBe(1);
    expect(errors).toMatch(/points 5 to 5 of the file; 4 before them are stored/);
    const database = await open(data);
    expect((await database.count("line", { exact: true })).count).toBe(4);
    await database.close();
  });

  it("stores named vectors", async () => {
    const named = onLine.map(({ id, vector }) => ({ id, vectors: { a: vector, b: [id] } }));
    expect(
      await run(["import", "named", file("named.jsonl", lines(named)), "--data", data, "--distance", "Dot"]),
    ).toBe(0);
    expect(
      await run(["search", "named", "--data", data, "--using", "b", "--vector", "[1]", "--limit", "1"]),
    ).toBe(0);
    expect(output).toMatch(/^49\t49\.0/);
  });

  it("that somebody else writes to can be looked into", async () => {
    const database = await open(data);
    try {
      await database.createCollection("held", { vectors: { size: 1, distance: "Dot" } });
      await database.upsert("held", { points: [{ id: 1, vector: [1] }] });
      expect(await run(["info", "--data", data])).toBe(0);
      expect(output).toContain("points    1,");
      expect(await run(["search", "held", "--data", data, "--vector", "[1]"])).toBe(0);
    } finally {
      await database.close();
    }
  });
});

describe("the program", () => {
  const bins = [
    fileURLToPath(new URL("../bin/vicinal.js", import.meta.url)),
    // The engine's own, which finds the command line beside it.
    fileURLToPath(new URL("../../vicinal/bin/vicinal.js", import.meta.url)),
  ];

  it.each(bins)("%s runs", (bin) => {
    expect(execFileSync(process.execPath, [bin, "--version"], { encoding: "utf8" })).toMatch(
      /^\d+\.\d+\.\d+\n$/,
    );
  });

  it("serves until it is told to stop, then frees folder and port", async () => {
    const child = spawn(process.execPath, [bins[0], "serve", "--port", "0", "--data", data]);
    try {
      const [first] = await once(child.stdout, "data");
      const url = /http:\/\/[^\s,]+/.exec(String(first))?.[0] as string;
      const answer = await fetch(`${url}/collections`);
      expect(await answer.json()).toMatchObject({ status: "ok", result: { collections: [] } });
      expect(await run(["info", "--data", data])).toBe(0);
      const file = join(folder, "points.jsonl");
      writeFileSync(file, JSON.stringify({ id: 1, vector: [1] }));
      expect(await run(["import", "c", file, "--data", data])).toBe(1);
      expect(errors).toContain(`process ${child.pid}`);
      expect(errors.trim().split("\n").length).toBe(1);
      const reader = spawn(process.execPath, [
        bins[0],
        "serve",
        "--read-only",
        "--port",
        "0",
        "--data",
        data,
      ]);
      try {
        const [line] = await once(reader.stdout, "data");
        const address = /http:\/\/[^\s,]+/.exec(String(line))?.[0] as string;
        expect((await fetch(`${address}/collections`)).status).toBe(200);
        expect((await fetch(`${address}/collections/c`, { method: "DELETE" })).status).toBe(403);
      } finally {
        reader.kill("SIGKILL");
      }
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      expect((await ended)[0]).toBe(0);
      expect(await run(["info", "--data", data])).toBe(0);
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("serves with hooks", async () => {
    const hooks = file(
      "hooks.mjs",
      "export default { inference: { ones: (inputs) => inputs.map(() => [1, 1]) } };",
    );
    const child = spawn(process.execPath, [
      bins[0],
      "serve",
      "--port",
      "0",
      "--data",
      data,
      "--hooks",
      hooks,
    ]);
    try {
      const [first] = await once(child.stdout, "data");
      const url = /http:\/\/[^\s,]+/.exec(String(first))?.[0] as string;
      const send = (path: string, body: unknown) =>
        fetch(`${url}/collections/c${path}`, {
          method: "PUT",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
      expect((await send("", { vectors: { size: 2, distance: "Dot" } })).status).toBe(200);
      const point = { id: 1, vector: { text: "a", model: "ones" } };
      expect((await send("/points?wait=true", { points: [point] })).status).toBe(200);
    } finally {
      child.kill("SIGKILL");
    }
  });

  it.each([
    ["absent.mjs", undefined, /^vicinal: --hooks .*absent.mjs cannot be loaded: Cannot find module/],
    ["torn.mjs", "export default {", /^vicinal: --hooks .*torn.mjs cannot be loaded: /],
    ["none.mjs", "export const inference = {};", /^vicinal: --hooks .*none.mjs has no default export/],
    [
      "wrong.mjs",
      "export default { inference: { m: 5 } };",
      /^vicinal: hooks.inference\["m"\]: expected a function/,
    ],
  ])("refuses the hooks of %s before it serves", async (name, content, message) => {
    const path = content === undefined ? join(folder, name) : file(name, content);
    expect(await run(["serve", "--port", "0", "--data", data, "--hooks", path])).toBe(1);
    expect(errors).toMatch(message);
  });
});
