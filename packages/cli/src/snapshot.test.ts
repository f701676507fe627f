/** Snapshots by the command line, of a data folder and of a server. */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "@vicinal/server";
import { open } from "vicinal";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { run } from "./index.js";

let folder: string;
let data: string;
let output: string;
let errors: string;

beforeEach(async () => {
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
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  const database = await open(data);
  await database.createCollection("films", { vectors: { size: 2, distance: "Dot" } });
  await database.upsert("films", { points: [{ id: 1, vector: [1, 2], payload: { year: 1 } }] });
  await database.close();
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** What a command prints; it must succeed. */
async function printed(...argv: string[]): Promise<string> {
  output = "";
  expect(await run(argv), errors).toBe(0);
  return output;
}

async function refusedWith(...argv: string[]): Promise<string> {
  errors = "";
  expect(await run(argv)).toBe(1);
  return errors;
}

async function count(home: string, collection: string): Promise<number> {
  const database = await open(home);
  try {
    return (await database.count(collection, {})).count;
  } finally {
    await database.close();
  }
}

test.each([["films"], [undefined]])("of a data folder: %s", async (collection) => {
  const whose = collection === undefined ? [] : [collection];
  const [name] = (await printed("snapshot", "create", ...whose, "--data", data)).split("  ");
  expect(await printed("snapshot", "list", ...whose, "--data", data)).toContain(name);
  const file = join(folder, "archive.tar");
  await printed("snapshot", "download", name, file, ...whose, "--data", data);
  const again = await refusedWith("snapshot", "download", name, file, ...whose, "--data", data);
  expect(again).toContain("exists already");
  await printed("snapshot", "delete", name, ...whose, "--data", data);
  expect(await printed("snapshot", "list", ...whose, "--data", data)).toBe("no snapshots\n");

  expect(await printed("restore", file, "--data", join(folder, "new"))).toContain("films");
  expect(await count(join(folder, "new"), "films")).toBe(1);
  expect(await refusedWith("restore", file, "--data", data)).toContain("into an empty one");
  if (collection !== undefined) {
    await printed("restore", file, "--data", data, "--collection", "copy");
    expect(await count(data, "copy")).toBe(1);
  }
});

test("of a server", async () => {
  const database = await open(data);
  const server = createServer({ database });
  const { url } = await server.listen({ port: 0, grpcPort: false });
  try {
    const [name] = (await printed("snapshot", "create", "films", "--url", url)).split("  ");
    const file = join(folder, "archive.tar");
    await printed("snapshot", "download", name, file, "films", "--url", url);
    expect(statSync(file).size).toBe((await database.listSnapshots("films"))[0].size);
    await printed("snapshot", "delete", name, "films", "--url", url);
    expect(await refusedWith("snapshot", "delete", name, "films", "--url", url)).toContain("not found");
    const absent = await refusedWith(
      "snapshot",
      "download",
      name,
      join(folder, "none"),
      "films",
      "--url",
      url,
    );
    expect(absent).toContain("not found");
    expect(readdirSync(folder)).not.toContain("none");
  } finally {
    await server.close();
    await database.close();
  }
});

test("a file that is no snapshot makes nothing", async () => {
  const file = join(folder, "archive.tar");
  expect(await refusedWith("restore", file, "--data", join(folder, "new"))).toContain("does not exist");
  expect(readdirSync(folder)).not.toContain("new");
  writeFileSync(file, "no snapshot");
  expect(await refusedWith("restore", file, "--data", join(folder, "new"))).toContain("refused");
});
