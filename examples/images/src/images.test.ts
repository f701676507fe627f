/** The quality that the example promises on real photos, and what it prints and writes. */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { main } from "./main.js";

const { VICINAL_DATA: data, VICINAL_MODELS: models } = process.env;

/** Runs the command; what it printed, line by line. */
async function run(...argv: string[]): Promise<{ code: number; out: string[]; err: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const log = vi
    .spyOn(console, "log")
    .mockImplementation((text) => void out.push(...String(text).split("\n")));
  const error = vi.spyOn(console, "error").mockImplementation((text) => void err.push(String(text)));
  try {
    return { code: await main(argv), out, err };
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
}

describe.skipIf(!data || !models)("on photos (VICINAL_DATA and VICINAL_MODELS)", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "vicinal-images-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("the photo most like another is of its group", async () => {
    const { code, out, err } = await run(
      join(data ?? "", "photos"),
      ...["--data", join(folder, "all"), "--evaluate"],
    );
    console.log([...out, ...err].join("\n"));
    expect(code).toBe(0);
    expect(Number(/precision at 1 ([\d.]+)/.exec(out[0])?.[1])).toBeGreaterThanOrEqual(0.73);
    expect(Number(/among five ([\d.]+)/.exec(out[1])?.[1])).toBeGreaterThanOrEqual(0.92);
    const again = await run(
      join(data ?? "", "photos"),
      "--data",
      join(folder, "all"),
      "--page",
      join(folder, "x.html"),
    );
    expect(again.err.join("\n")).toContain("0 photos new, 1000 known");
  }, 300_000);

  test("a photo finds itself and its copies; what cannot be read is named; the page shows them", async () => {
    const photos = join(folder, "photos");
    await mkdir(join(photos, "more"), { recursive: true });
    const names = (await readdir(join(data ?? "", "photos")))
      .filter((name) => name.endsWith(".jpg"))
      .slice(0, 12);
    for (const name of names) await copyFile(join(data ?? "", "photos", name), join(photos, name));
    await copyFile(join(photos, names[3]), join(photos, "more/copy & paste.jpg"));
    await writeFile(join(photos, "broken.jpg"), "no photo");
    const own = ["--data", join(folder, "few")];
    const page = join(folder, "page.html");
    const found = await run(photos, ...own, "--like", join(photos, names[3]), "--limit", "3", "--page", page);
    expect(found.code).toBe(0);
    expect(found.err.join("\n")).toContain("not read: broken.jpg");
    expect(found.out.slice(1, 3).map((line) => line.trim().slice(0, 5))).toEqual(["0.000", "0.000"]);
    const html = await readFile(page, "utf8");
    const photo = await readFile(join(photos, names[3]), "base64");
    // The copy and the photo itself.
    expect(html.split(`data:image/jpeg;base64,${photo}`)).toHaveLength(3);
    expect(html).toContain("copy &amp; paste");
    const { out } = await run(photos, ...own, "--duplicates", "--distance", "0.01");
    expect(out).toEqual([
      "more/copy & paste.jpg",
      `  = ${names[3]}`,
      "1 groups of photos within 0.01 of each other",
    ]);
    await rm(join(photos, "more"), { recursive: true });
    expect((await run(photos, ...own, "--duplicates")).out.at(-1)).toBe(
      "0 groups of photos within 0.1 of each other",
    );
  }, 120_000);
});

test("says what is missing", async () => {
  expect(await run("/nowhere/at/all")).toMatchObject({
    code: 1,
    err: ["images: there is no folder /nowhere/at/all"],
  });
});
