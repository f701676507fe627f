/** `vicinal verify` and `vicinal repair`: what they print, and how they exit. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  vi.spyOn(console, "log").mockImplementation((text) => {
    output += `${text}\n`;
  });
  vi.spyOn(console, "error").mockImplementation((text) => {
    errors += `${text}\n`;
  });
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  const database = await open(data);
  await database.createCollection("films", { vectors: { size: 2, distance: "Dot" } });
  const points = Array.from({ length: 40 }, (_, id) => ({ id, vector: [id, 2], payload: { year: id } }));
  await database.upsert("films", { points });
  await database.waitForIndex("films", { everything: true });
  await database.upsert("films", { points: [{ id: 100, vector: [1, 2], payload: null }] });
  await database.createSnapshot("films");
  await database.close();
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

async function outcome(...argv: string[]): Promise<{ code: number; output: string; errors: string }> {
  output = "";
  errors = "";
  const code = await run(argv);
  return { code, output, errors };
}

/** Path of the one file below `place` whose name begins so; its middle byte is flipped. */
function damage(place: string, name: string): string {
  const found = readdirSync(join(data, place), { recursive: true, encoding: "utf8" });
  const path = `${place}/${found.sort().find((path) => (path.split("/").at(-1) ?? "").startsWith(name))}`;
  const bytes = readFileSync(join(data, path));
  bytes[bytes.length >> 1] ^= 1;
  writeFileSync(join(data, path), bytes);
  return path;
}

test("an undamaged folder: 0, and nothing to do", async () => {
  const verified = await outcome("verify", data);
  expect(verified).toMatchObject({ code: 0, errors: "" });
  expect(verified.output).toBe("films: ok (40 points in segments, 1 write in the log)\n1 snapshot: ok\n");
  expect(await outcome("repair", data)).toMatchObject({ code: 0, output: "films: ok\n" });
  expect(await outcome("repair", data, "--dry-run")).toMatchObject({ code: 0 });
});

test("a damaged file is named with 2, repaired with the losses told, and the folder is clean again", async () => {
  const path = damage("collections/1", "vector-");
  const { code, output } = await outcome("verify", data);
  expect(code).toBe(2);
  expect(output).toContain("films: DAMAGED");
  expect(output).toMatch(new RegExp(`${path} at \\d+: .* expected, .* found \\(holds data\\)`));
  expect(output).toContain(`Next: vicinal repair ${data} --dry-run`);

  const before = readdirSync(data, { recursive: true });
  const dry = await outcome("repair", data, "--dry-run");
  expect(dry.code).toBe(2);
  expect(dry.output).toMatch(/films: would be repaired \(1 fault\), \d+ points?\n {2}lost: /);
  expect(dry.output).toContain(`Nothing was changed. To do it: vicinal repair ${data}`);
  expect(readdirSync(data, { recursive: true })).toEqual(before);

  const repaired = await outcome("repair", data);
  expect(repaired.code).toBe(0);
  expect(repaired.output).toContain("films: repaired (1 fault)");
  const [kept] = /damaged files are kept in (.*)/.exec(repaired.output)?.slice(1) ?? [];
  expect(readdirSync(join(kept, "collections/1"), { recursive: true }).length).toBeGreaterThan(0);
  expect(await outcome("verify", data)).toMatchObject({ code: 0 });
});

test("--discard keeps no copies, and --json prints the report", async () => {
  const path = damage("collections/1", "rows-");
  const verified = await outcome("verify", data, "--json");
  expect(verified.code).toBe(2);
  expect(JSON.parse(verified.output)).toMatchObject({
    ok: false,
    collections: [{ name: "films", ok: false, faults: [{ file: path }] }],
    snapshots: [{ collection: "films", ok: true }],
  });
  const repaired = await outcome("repair", data, "--discard", "--json");
  expect(repaired.code).toBe(0);
  const report = JSON.parse(repaired.output);
  expect(report).toMatchObject({ ok: true, collections: [{ name: "films", faults: [{ file: path }] }] });
  expect(report).not.toHaveProperty("kept");
  expect(readdirSync(data)).not.toContain("damaged");
});

test("a damaged snapshot is named with 2, and is not a matter of repair", async () => {
  const path = damage("snapshots/objects", "");
  const { code, output } = await outcome("verify", data);
  expect(code).toBe(2);
  expect(output).toMatch(/films: ok .*\nsnapshot films-.*\.snapshot of films: DAMAGED\n/);
  expect(output).toContain(`${path} at 0: SHA-256: `);
  expect(output).toContain("delete the damaged snapshots");
  expect(output).not.toContain("Next: vicinal repair");
  expect(await outcome("repair", data)).toMatchObject({ code: 0, output: "films: ok\n" });
});

test("what cannot be looked at: 1", async () => {
  const none = await outcome("verify", join(folder, "none"));
  expect(none.code).toBe(1);
  expect(none.errors).toContain("no database");
  const nowhere = await outcome("verify", data, "--snapshots", join(folder, "none"));
  expect(nowhere.code).toBe(1);
  expect(nowhere.errors).toContain("no snapshot");
  const database = await open(data);
  try {
    expect(await outcome("verify", data)).toMatchObject({ code: 0 });
    const held = await outcome("repair", data);
    expect(held.code).toBe(1);
    expect(held.errors).toContain(data);
  } finally {
    await database.close();
  }
});
