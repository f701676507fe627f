/**
 * Repair: any file is damaged in any way; afterwards the database opens, verify is clean, and every point is there or told as
 * lost. An undamaged folder stays as it is.
 */
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { open, repair, verify } from "vicinal";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answers, damages, filesOf, fill, kindOf, writeMore } from "./damaged-data.js";
import { withFolder } from "./homes.js";

type Point = { id: number; vector: Record<string, unknown>; payload: Record<string, unknown> | null };
type Answers = { points: Point[] };

let template: string;
let files: string[];
let expected: Answers;
let other: unknown;
let done: () => void;
let holding: Promise<void>;

beforeAll(async () => {
  await new Promise<void>((ready, failed) => {
    holding = withFolder(async (folder) => {
      template = join(folder, "data");
      let database = await open(template);
      await fill(database);
      await database.close();
      database = await open(template);
      await writeMore(database);
      expected = (await answers(database, "damaged")) as Answers;
      other = await answers(database, "other");
      await database.close();
      files = (await filesOf(template)).filter((file) => /^(catalogue|collections.1)/.test(file));
      const finished = new Promise<void>((resolve) => {
        done = resolve;
      });
      ready();
      await finished;
    });
    holding.catch(failed);
  });
});
afterAll(async () => {
  done();
  await holding;
});

const withCopy = (work: (folder: string) => Promise<void>) =>
  withFolder(async (folder) => {
    await cp(template, folder, { recursive: true });
    await work(folder);
  });

async function bytesOf(folder: string): Promise<Record<string, string>> {
  const read = async (file: string) => [file, (await readFile(join(folder, file))).toString("base64")];
  return Object.fromEntries(await Promise.all((await filesOf(folder)).sort().map(read)));
}

test("an undamaged folder stays as it is, and a dry run changes nothing of a damaged one", () =>
  withCopy(async (folder) => {
    const before = await bytesOf(folder);
    expect(await repair(folder)).toMatchObject({ ok: true, faults: [], recovered: [], dropped: [] });
    expect(await bytesOf(folder)).toEqual(before);
    const rows = files.find((file) => kindOf(file) === "rows") as string;
    await damages["its middle byte flipped"](join(folder, rows));
    const damaged = await bytesOf(folder);
    const report = await repair(folder, { dryRun: true });
    expect(report.collections[0].repaired?.replaced).toContain(rows);
    expect(await bytesOf(folder)).toEqual(damaged);
  }));

/** What the report says is lost, compared with what is there. */
async function compare(folder: string, label: string): Promise<string> {
  const report = await repair(folder);
  expect(report.ok, label).toBe(true);
  const [repaired] = report.collections.map((collection) => collection.repaired);
  const verified = await verify(folder);
  expect(verified, label).toMatchObject({ ok: true, orphans: [] });
  const database = await open(folder);
  try {
    expect(await answers(database, "other"), label).toEqual(other);
    const { points } = (await answers(database, "damaged")) as Answers;
    const found = new Map(points.map((point) => [point.id, point]));
    if (!repaired) {
      expect(points, label).toEqual(expected.points);
      return "untouched";
    }
    const { lost } = repaired;
    expect(points.length, label).toBe(repaired.points);
    const missing = expected.points.filter(({ id }) => !found.has(id));
    const records = lost.records.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    expect(missing.length, `${label}: ${JSON.stringify(lost)}`).toBeLessThanOrEqual(lost.points + records);
    const incomplete = new Set(lost.incomplete.flatMap(({ ids }) => ids));
    const mayBeOlder = lost.patches > 0 || lost.payloadChanges > 0;
    let wrong = 0;
    for (const point of expected.points) {
      const there = found.get(point.id);
      if (!there || lost.incomplete.some(({ count, ids }) => count > ids.length)) continue;
      if (incomplete.has(point.id)) {
        const vector = JSON.stringify(there.vector) === JSON.stringify(point.vector);
        const payload = JSON.stringify(there.payload) === JSON.stringify(point.payload);
        expect(vector && payload, `${label}: ${point.id}`).toBe(false);
      } else if (JSON.stringify(there) !== JSON.stringify(point)) wrong++;
    }
    // The points whose payloads were changed.
    expect(wrong, label).toBeLessThanOrEqual(mayBeOlder ? 3 : 0);
    const extra = points.filter(({ id }) => !expected.points.some((point) => point.id === id));
    expect(extra.length, label).toBeLessThanOrEqual(lost.deletions > 0 ? 3 : 0);
    await database.waitForIndex("damaged");
    expect((await database.getCollection("damaged")).indexed_vectors_count).toBeGreaterThan(0);
    return missing.length + incomplete.size + wrong + extra.length === 0 ? "whole" : "with losses";
  } finally {
    await database.close();
  }
}

/** All files in all ways, or one of each kind in those that differ most. */
const everything = process.env.VICINAL_REPAIR_ALL === "1";
const ways = everything ? Object.keys(damages) : ["its middle byte flipped", "been deleted"];

test.each(ways)("a file that has %s", { timeout: 120_000 }, async (how) => {
  const outcomes: Record<string, string> = {};
  const newest = new Map(files.map((file) => [file.split("/")[0] + kindOf(file), file]));
  for (const file of everything ? files : newest.values())
    await withCopy(async (folder) => {
      await damages[how](join(folder, file));
      outcomes[file] = await compare(folder, `${file} has ${how}`);
      const kind = kindOf(file);
      if (kind === "index" || kind === "field") expect(outcomes[file]).toBe("whole");
    });
  console.log(how, JSON.stringify(outcomes));
});
