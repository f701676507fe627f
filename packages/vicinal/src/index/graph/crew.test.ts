/** Whoever helps, every part of shared work is done once, and in the order of announcement. */
import { afterAll, expect, test } from "vitest";
import { endIdleWorkers, runTask } from "../../runtime/pool.js";
import { seededRandom } from "../../runtime/random.js";
import { dismiss, newCrew, partStart, share } from "./crew.js";
import { counting } from "./crew-task.test.helper.js";

afterAll(endIdleWorkers);

const module = new URL("./crew-task.test.helper.js", import.meta.url).href;
const PLACES = 500;

/** Random work for rounds of three kinds; gives what the counts must be. */
function announce(crew: Int32Array, counts: Int32Array, rounds: number): Int32Array {
  const random = seededRandom(rounds);
  const below = (limit: number) => Math.floor(random() * limit);
  const expected = new Int32Array(PLACES);
  for (let round = 0; round < rounds; round++) {
    const first = below(PLACES);
    const count = below(PLACES - first + 1);
    const kind = below(3);
    for (let i = first; i < first + count; i++) expected[i] += 1 << (8 * kind);
    const parts = 1 + below(40);
    for (const _ of share(crew, counting(counts), { kind, first, count, parts }));
    // All of it is done when the next is announced.
    expect(counts).toEqual(expected);
  }
  return expected;
}

test("alone, on memory that is not shared", () => {
  const counts = new Int32Array(PLACES);
  announce(newCrew(false), counts, 60);
});

test("with helpers that come and go", async () => {
  const crew = newCrew(true);
  const counts = new Int32Array(new SharedArrayBuffer(PLACES * 4));
  const helpers = [1, 2].map(() => runTask(module, { crew, counts }));
  announce(crew, counts, 60);
  await new Promise((resolve) => setTimeout(resolve, 50));
  counts.fill(0);
  announce(crew, counts, 61);
  dismiss(crew);
  await Promise.all(helpers);
});

test("a failure is not taken for work done", () => {
  const crew = newCrew(false);
  const run = () => [
    ...share(crew, counting(new Int32Array(PLACES)), { kind: 3, first: 0, count: 4, parts: 2 }),
  ];
  expect(run).toThrow("cannot");
});

test("parts cover everything once", () => {
  for (const [count, parts] of [
    [0, 3],
    [7, 8],
    [100, 7],
    [1000, 125],
  ]) {
    expect(partStart(count, 0, parts)).toBe(0);
    expect(partStart(count, parts, parts)).toBe(count);
    for (let part = 0; part < parts; part++)
      expect(partStart(count, part + 1, parts)).toBeGreaterThanOrEqual(partStart(count, part, parts));
  }
});
