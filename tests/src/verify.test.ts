/** Verify: an undamaged folder is clean, and any damage of any file is named by file; nothing is written by looking. */
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { open, type VerifyReport, verify } from "vicinal";
import { afterAll, beforeAll, expect, test } from "vitest";
import { damages, filesOf, fill, kindOf, pointFor, writeMore } from "./damaged-data.js";
import { refusal, withFolder } from "./homes.js";

let template: string;
let files: string[];
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
      await database.close();
      files = await filesOf(template);
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

const faultsOf = ({ faults, collections }: VerifyReport) => [
  ...faults,
  ...collections.flatMap((collection) => collection.faults),
];

async function bytesOf(folder: string): Promise<Record<string, string>> {
  const found = await filesOf(folder);
  const read = async (file: string) => [file, (await readFile(join(folder, file))).toString("base64")];
  return Object.fromEntries(await Promise.all(found.sort().map(read)));
}

test("an undamaged folder is clean, every byte of it is checked, and nothing is written", () =>
  withCopy(async (folder) => {
    const before = await bytesOf(folder);
    const steps: { bytes: number; total: number }[] = [];
    const report = await verify(folder, { progress: (step) => steps.push(step) });
    expect(report).toMatchObject({ ok: true, faults: [], orphans: [] });
    expect(report.collections.map(({ name, ok, points }) => ({ name, ok, points }))).toEqual([
      { name: "damaged", ok: true, points: 597 },
      { name: "other", ok: true, points: 597 },
    ]);
    expect(report.files).toBe(files.length);
    expect(steps.at(-1)?.bytes).toBeLessThanOrEqual(steps.at(-1)?.total ?? 0);
    expect(await bytesOf(folder)).toEqual(before);
  }));

test.each(Object.keys(damages))("a file that has %s is named", { timeout: 60_000 }, async (how) => {
  const own = files.filter((path) => path.startsWith("collections/1/"));
  const newest = new Map(own.map((file) => [kindOf(file), file]));
  for (const file of process.env.VICINAL_REPAIR_ALL === "1" ? own : newest.values()) {
    await withCopy(async (folder) => {
      await damages[how](join(folder, file));
      const label = `${file} has ${how}`;
      const report = await verify(folder);
      const found = faultsOf(report);
      const kind = kindOf(file);
      // Cut, the newest looks like an interrupted commit, and its last byte is the mark only; an old one is not missed.
      if (kind === "manifest") {
        if (how !== "been deleted" && report.ok) expect(how, label).toMatch(/cut|nothing|last byte/);
        return;
      }
      const named = new Set(found.map((fault) => fault.file));
      expect(named, `${label}: ${JSON.stringify(found)}`).toContain(
        how === "been deleted" && kind === "log" ? "collections/1/log" : file,
      );
      expect(named.size, label).toBe(1);
      expect(report.ok, label).toBe(false);
      const derived = kind === "index" || kind === "field";
      expect(found[0].role, label).toBe(derived ? "derived" : "data");
      expect(report.collections.map(({ ok }) => ok)).toEqual([derived, true]);
    });
  }
});

test("a damaged catalogue is named, and files of nobody are listed", () =>
  withCopy(async (folder) => {
    const newest = files
      .filter((file) => file.startsWith("catalogue"))
      .sort()
      .at(-1) as string;
    await damages["its middle byte flipped"](join(folder, newest));
    const report = await verify(folder);
    expect(report).toMatchObject({ ok: false, faults: [{ file: newest, role: "data" }], collections: [] });
  }));

test("works beside a process that writes", () =>
  withCopy(async (folder) => {
    const database = await open(folder);
    let writing = true;
    const writer = (async () => {
      for (let id = 2000; writing; id++) {
        await database.upsert("damaged", { points: [pointFor(id)] });
        if (id % 50 === 0) await database.waitForIndex("damaged", { everything: true });
      }
    })();
    for (let i = 0; i < 5; i++) expect(faultsOf(await verify(folder))).toEqual([]);
    writing = false;
    await writer;
    await database.close();
    expect(await verify(folder)).toMatchObject({ ok: true, orphans: [] });
  }));

test("a folder without a database is refused, and the work can be cancelled", () =>
  withFolder(async (folder) => {
    expect(await refusal(verify(join(folder, "none")))).toMatchObject({ code: "FILE_NOT_FOUND" });
    expect(await refusal(verify(template, { signal: AbortSignal.abort() }))).toMatchObject({
      code: "CANCELLED",
    });
  }));
