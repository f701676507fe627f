/** A cache of vectors in a folder: what it keeps over runs, what it lets go, and what damage costs. */
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Model } from "../models/model.js";
import { stubModel, stubVector } from "../stub.test.helper.js";
import { cached } from "./cached.js";

let folder: string;
let embedded: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-cache-"));
  embedded = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function texts(id = "stub/1", maxBytes?: number): Model<string> {
  const stub = stubModel((items) => embedded.push(...items));
  const model: Model<string> = { ...stub, id, modality: "text", metric: "Cosine", close: async () => {} };
  return cached(model, { folder, maxBytes });
}

/** Embeds in a run of its own; the texts that the model was asked for. */
async function run(items: string[], model = texts()): Promise<string[]> {
  embedded = [];
  const { vectors, failures } = await model.embed(items);
  const failed = new Set(failures.map(({ index }) => index));
  vectors.forEach((vector, i) => {
    if (!failed.has(i)) expect(Array.from(vector ?? []), items[i]).toEqual(stubVector(items[i]));
  });
  await model.close();
  return embedded;
}

const path = () => join(folder, readdirSync(folder).find((name) => !name.includes("older")) as string);

it("remembers over runs; failures are tried again; models and kinds are apart", async () => {
  expect(await run(["a", "bad", "b"])).toEqual(["a", "bad", "b"]);
  expect(await run(["b", "bad", "c", "a"])).toEqual(["bad", "c"]);
  expect(await run(["a"], texts("stub/2"))).toEqual(["a"]);
  const model = texts();
  embedded = [];
  await model.embed(["a"], { kind: "query" });
  await model.close();
  expect(embedded).toEqual(["a"]);
});

it("loses what is torn or damaged, and never gives what it did not store", async () => {
  const items = Array.from({ length: 20 }, (_, i) => `text ${i}`);
  await run(items);
  const whole = readFileSync(path());
  const record = whole.length / items.length;
  await fc.assert(
    fc.asyncProperty(
      fc.nat(whole.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      async (at, bits, cut) => {
        const damaged = Buffer.from(whole);
        damaged[at] ^= bits;
        writeFileSync(path(), cut ? whole.subarray(0, at) : damaged);
        expect(await run(items)).toEqual(items.slice(Math.floor(at / record)));
        expect(await run(items)).toEqual([]);
      },
    ),
    { numRuns: 40 },
  );
});

it("stays within its bytes and keeps what is used", async () => {
  const record = 32 + 4 * 4 + 8;
  const most = 20 * record;
  await run(["used"], texts("stub/1", most));
  for (let i = 0; i < 100; i++) {
    expect(await run(["used", `text ${i}`], texts("stub/1", most))).toEqual([`text ${i}`]);
    const bytes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(most + 2 * record);
  }
  expect(await run(["text 0"], texts("stub/1", most))).toEqual(["text 0"]);
});

it("may be used by two at once", async () => {
  const [one, two] = [texts(), texts()];
  await Promise.all(
    Array.from({ length: 30 }, (_, i) => (i % 2 ? one : two).embed([`text ${i}`, `more ${i % 7}`])),
  );
  await one.embed(["last"]);
  appendFileSync(path(), "torn");
  await run(
    Array.from({ length: 30 }, (_, i) => `text ${i}`),
    two,
  );
  await one.close();
  expect(await run(["last", "text 3", "more 2"])).toEqual([]);
});
