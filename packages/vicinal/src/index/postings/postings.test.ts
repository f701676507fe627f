/** Postings served from a file answer as those in memory do; postings are bounded and hold every vector. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadKernels } from "../../runtime/kernels.js";
import { memoryStats } from "../../runtime/memory.js";
import { endIdleWorkers } from "../../runtime/pool.js";
import { ReadCache } from "../../runtime/read-cache.js";
import { MemoryDirectory } from "../../storage/memory-directory.js";
import { openSections, writeSections } from "../../storage/sections.js";
import type { FileIndex, Metric } from "../contract.js";
import { FileVectors } from "../file-vectors.js";
import { bitsOf, clusteredVectors, filledStore } from "../fixtures.test.helper.js";
import { FlatIndex } from "../flat/index.js";
import type { VectorStore } from "../vector-store.js";
import { boundPostings } from "./assign-steps.js";
import { LONGEST_POSTING, POSTINGS_DEFAULTS } from "./defaults.js";
import { type PostingsIndex, postings } from "./index.js";
import { NO_CLUSTER } from "./train-steps.js";

const open: { close(): void }[] = [];
afterAll(() => {
  for (const thing of open.splice(0).reverse()) thing.close();
  endIdleWorkers();
});

const COUNT = 3000;

async function built(metric: Metric, dimensions: number, given: object = {}, calibrate = false) {
  const vectors = clusteredVectors(COUNT + 20, dimensions, metric, 21);
  const store = await filledStore(vectors.slice(0, COUNT * dimensions), { dimensions, metric });
  open.push(store);
  const index = (await postings.build(store, postings.parameters(given), { calibrate })) as PostingsIndex;
  const queries = Array.from({ length: 20 }, (_, i) =>
    vectors.slice((COUNT + i) * dimensions, (COUNT + i + 1) * dimensions),
  );
  return { store, index, queries };
}

async function saved(store: VectorStore, index: PostingsIndex) {
  const dir = MemoryDirectory.empty();
  const { meta, sections } = index.save();
  await writeSections(dir, "index", { kind: "index", meta, sections });
  await writeSections(dir, "vector", {
    kind: "vector",
    meta: {},
    sections: [{ name: "floats", bytes: store.bytes() }],
  });
  return dir;
}

type Shape = Pick<VectorStore, "dimensions" | "metric" | "count">;

async function served(dir: MemoryDirectory, shape: Shape, cacheBytes: number): Promise<FileIndex> {
  const source = await openSections(dir, "vector", "vector");
  const vectors = new FileVectors(shape, source, await loadKernels());
  const sections = await openSections(dir, "index", "index");
  const index = await postings.disk!.open(vectors, sections, new ReadCache(cacheBytes));
  open.push(index);
  return index;
}

const cases: [Metric, number, object][] = [
  ["Euclid", 32, {}],
  ["Cosine", 100, { replicas: 8 }],
  ["Dot", 24, { postingSize: 16 }],
  ["Manhattan", 20, {}],
  ["Euclid", 3, { replicas: 1 }],
  ["Cosine", 40, { encoding: "float32" }],
];

describe.each(cases)("%s, %i dimensions, %o", (metric, dimensions, given) => {
  let made: Awaited<ReturnType<typeof built>>;
  beforeAll(async () => {
    made = await built(metric, dimensions, given, metric === "Euclid");
  });

  test("a file answers as memory does, many searches at a time, with and without a cache", async () => {
    const { store, index, queries } = made;
    const dir = await saved(store, index);
    const thirds = bitsOf(COUNT, (ordinal) => ordinal % 3 === 0);
    const few = bitsOf(COUNT, (ordinal) => ordinal === 5 || ordinal === 2999);
    const requests = queries.flatMap((query, i) => [
      { query, k: 10, effort: 8 },
      { query, k: 1, effort: 1 },
      { query, k: 10, effort: 4, bits: thirds },
      { query, k: 10, effort: 1, bits: few },
      ...(i === 7
        ? [
            { query, k: 700, effort: 2 },
            { query, k: COUNT, effort: COUNT },
          ]
        : []),
    ]);
    const expected = requests.map((request) => index.search(request));
    for (const cacheBytes of [0, 64 * 1024, 2 ** 30]) {
      const file = await served(dir, store, cacheBytes);
      expect(file.calibration).toEqual(index.calibration);
      expect(file.effort).toEqual(index.effort);
      const answers = await Promise.all(requests.map((request) => file.search(request)));
      answers.forEach((answer, i) => {
        const { readBytes, ...stats } = answer.stats;
        expect({ ...answer, stats }).toEqual(expected[i]);
        expect(readBytes).toBeGreaterThanOrEqual(0);
      });
      const again = await file.search(requests[0]);
      if (cacheBytes === 2 ** 30 && index.layout.encoding === "float32")
        expect(again.stats.readBytes).toBe(0);
    }
  });

  test("the scan of a file is that of memory", async () => {
    const { store, index, queries } = made;
    const { vectors } = await served(await saved(store, index), store, 0);
    const scan = new FlatIndex(store);
    const sparse = bitsOf(COUNT, (ordinal) => ordinal % 91 === 0);
    for (const query of queries.slice(0, 4))
      for (const request of [
        { query, k: 10 },
        { query, k: 50, bits: sparse },
        { query, k: COUNT },
      ]) {
        const { ordinals, distances } = await vectors.scan(request);
        expect(ordinals).toEqual(scan.search(request).ordinals);
        expect(distances).toEqual(scan.search(request).distances);
      }
    const copy = await vectors.load();
    open.push(copy);
    expect(Buffer.compare(copy.bytes(), store.bytes())).toBe(0);
  });

  test("every vector stands in a posting, none twice in one, none beyond its bound", async () => {
    const { store, index } = made;
    const { layout, parameters } = index;
    const seen = new Set<number>();
    for (let head = 0; head < index.heads.count; head++) {
      const start = (index.postings + layout.starts[head]) >>> 2;
      const members = store.arena.u32.slice(start, start + layout.sizes[head]);
      expect(new Set(members).size).toBe(members.length);
      for (const member of members) seen.add(member);
      expect(members.length).toBeLessThanOrEqual(parameters.postingSize * (LONGEST_POSTING + 1));
    }
    expect(seen.size).toBe(COUNT);
    expect(layout.starts[index.heads.count]).toBeLessThanOrEqual(
      COUNT * parameters.replicas * (4 + layout.stride),
    );
  });
});

test("a full posting takes no further copies, and a crowd of nearest ones goes to its own clusters", () => {
  const parameters = { ...POSTINGS_DEFAULTS, postingSize: 4, replicas: 2 };
  const most = 4 * LONGEST_POSTING;
  const count = most + 10;
  // All are nearest to head 0 and next to head 1; their own clusters are heads 1 to 9.
  const chosen = Uint32Array.from({ length: count * 2 }, (_, i) => i % 2);
  const clusters = Uint32Array.from({ length: count }, (_, i) => 1 + Math.floor(i / 4));
  const sizes = boundPostings(chosen, clusters, 10, parameters);
  expect(sizes[0]).toBe(most);
  expect(sizes[1]).toBe(most);
  const placed = Array.from(chosen).filter((head) => head !== NO_CLUSTER);
  expect(placed.length).toBe(sizes.reduce((sum, size) => sum + size, 0));
  for (let i = most; i < count; i++)
    expect([chosen[2 * i], chosen[2 * i + 1]]).toEqual([clusters[i], NO_CLUSTER]);
});

test("what a served index takes is a share of its vectors, and goes back", async () => {
  const { store, index } = await built("Euclid", 100);
  const dir = await saved(store, index);
  store.close();
  const before = memoryStats();
  const file = await served(dir, { dimensions: 100, metric: "Euclid", count: COUNT }, 0);
  const { used, usedBytes } = memoryStats();
  expect(used).toBe(before.used + 1);
  expect(usedBytes - before.usedBytes).toBeLessThan(COUNT * 100 * 4 * 0.25);
  // Heads and tables, and the slots of searches, whose size does not depend on how many vectors there are.
  expect(file.memoryBytes()).toBeLessThan(COUNT * 100 * 4 * 0.07);
  file.close();
  open.splice(open.indexOf(file), 1);
  expect(memoryStats().used).toBe(before.used);
});

test.each([
  { replicas: 0 },
  { postingSize: 3 },
  { closure: 0.5 },
  { encoding: "pq" },
  { memoryBytes: 1000 },
  { memory_bytes: 2.5e6 + 0.5 },
  { heads: 3 },
])("refuses %o, naming the field", (given) => {
  const [field] = Object.keys(given);
  expect(() => postings.parameters(given)).toThrow(
    expect.objectContaining({ code: "BAD_REQUEST", details: expect.objectContaining({ field }) }),
  );
});
