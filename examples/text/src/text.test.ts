/** The quality that the example promises on real texts. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { main } from "./main.js";
import { pearson } from "./similarity.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vicinal-text-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function run(...argv: string[]): Promise<string[]> {
  const out: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((text) => void out.push(String(text)));
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  try {
    expect(await main(["--data", folder, ...argv])).toBe(0);
    return out;
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
}

describe.skipIf(!process.env.VICINAL_DATA)("on films and sentences (VICINAL_DATA)", () => {
  test("the model agrees with people on each set of sentences", async () => {
    const lines = await run("--similarity");
    console.log(lines.join("\n"));
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(Number(/Pearson ([\d.]+)/.exec(line)?.[1])).toBeGreaterThanOrEqual(0.65);
  }, 200_000);

  test("films are found by words, by meaning and by both, and have topics", async () => {
    const question = "a dog saves a boy";
    const few = ["--films", "600", "--limit", "8"];
    const titles = async (...argv: string[]) =>
      (await run(...few, question, ...argv))
        .slice(1)
        .map((line) => line.split("\n")[0].replace(/^\S+ +/, ""));
    const [words, meaning, both] = [
      await titles("--by", "words"),
      await titles("--by", "meaning"),
      await titles(),
    ];
    expect([words.length, meaning.length, both.length]).toEqual([8, 8, 8]);
    // Fused, the first of each way are among the first.
    expect(both.slice(0, 4)).toContain(words[0]);
    expect(both.slice(0, 4)).toContain(meaning[0]);
    const topics = await run(...few, "--topics", "6");
    console.log(topics.join("\n"));
    expect(topics).toHaveLength(6);
    expect(topics.filter((line) => /\d {2}\S+, \S+/.test(line)).length).toBeGreaterThanOrEqual(4);
  }, 200_000);
});

test("Chinese is found by its words", async () => {
  const found = await run("--chinese", "熊猫吃什么竹子");
  expect(found[0]).toContain("熊猫");
  expect((await run("--chinese", "长江边的城市"))[0]).toContain("上海");
});

test("Pearson's correlation", () => {
  expect(pearson([1, 2, 3, 4], [10, 20, 30, 40])).toBeCloseTo(1, 12);
  expect(pearson([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12);
  expect(pearson([1, 2, 3, 4], [1, -1, -1, 1])).toBeCloseTo(0, 12);
});
