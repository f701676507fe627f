/** The quality that the example promises on real sounds. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { main } from "./main.js";
import { confusionTable, elect } from "./recognition.js";

const { VICINAL_DATA: data, VICINAL_MODELS: models } = process.env;

async function run(...argv: string[]): Promise<{ code: number; out: string }> {
  const out: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((text) => void out.push(String(text)));
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  try {
    return { code: await main(argv), out: out.join("\n") };
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
}

describe.skipIf(!data || !models)("on digits and noises (VICINAL_DATA and VICINAL_MODELS)", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "vicinal-speech-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("digits are recognised across speakers, noises across recordings", async () => {
    const { code, out } = await run("--data", folder);
    console.log(out);
    expect(code).toBe(0);
    const [digit, noise] = [...out.matchAll(/same \w+\s+([\d.]+)/g)].map((match) => Number(match[1]));
    expect(digit).toBeGreaterThanOrEqual(0.88);
    expect(noise).toBeGreaterThanOrEqual(0.92);
  }, 400_000);

  test("a recording is understood", async () => {
    const say = join(data ?? "", "speech/7_theo_3.wav");
    expect((await run("--data", folder, "--say", say)).out).toMatch(
      /0\.000 {2}7_theo_3\.wav[\s\S]*digit: 7$/,
    );
    const broken = await run("--data", folder, "--say", join(data ?? "", "sounds/clips.tsv"));
    expect(broken.code).toBe(1);
  }, 60_000);
});

test("neighbours elect by their similarity", () => {
  const of = (label: string, similarity: number) => ({ label, similarity });
  expect(elect([of("a", 0.9), of("b", 0.5), of("b", 0.6)])).toBe("b");
  expect(elect([of("a", 0.9), of("b", -0.5), of("b", 0.6)])).toBe("a");
  expect(elect([])).toBeUndefined();
});

test("the table fits a terminal", () => {
  const labels = ["rain", "fire_crackling"];
  const table = confusionTable({
    sounds: 3,
    precisionAt1: 1,
    accuracy: 1,
    labels,
    confusion: [
      [2, 0],
      [1, 0],
    ],
  });
  expect(table).toBe(
    ["                     (1) (2)", "          rain (1)     2   .", "fire_crackling (2)     1   ."].join(
      "\n",
    ),
  );
});
