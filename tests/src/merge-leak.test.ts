/** Thousands of seals and merges leave no memory behind. `VICINAL_CHURN=1` runs the long form. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const CYCLES = process.env.VICINAL_CHURN === undefined ? 500 : 20_000;
const POINTS = 600;
const worker = fileURLToPath(new URL("./merge-leak-worker.js", import.meta.url));
/** A merge that left its target behind would leave its vectors, two thirds of the cycles long. */
const VECTOR_BYTES = POINTS * 128 * 4;

test(`${CYCLES} seals and merges leave no memory behind`, { timeout: 1e8 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", worker, String(CYCLES)]);
  const { early, late, count, merges } = JSON.parse(stdout);
  expect(count).toBe(POINTS);
  expect(merges).toBeGreaterThanOrEqual(CYCLES - 1);
  const leak = ((CYCLES * 2) / 3) * VECTOR_BYTES;
  console.log(
    `merge leak: resident ${mib(early)} after a third, ${mib(late)} after ${merges} merges; a leak would be ${mib(leak)}`,
  );
  expect(late - early).toBeLessThan(leak / 2);
});

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
