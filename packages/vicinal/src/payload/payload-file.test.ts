import fc from "fast-check";
import { expect, it } from "vitest";
import { ReadCache } from "../runtime/read-cache.js";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { openSections, writeSections } from "../storage/sections.js";
import type { SectionSource } from "./sections.js";
import { PayloadStore } from "./store.js";

const encoder = new TextEncoder();
const textOf = (store: PayloadStore, row: number) => new TextDecoder().decode(store.bytes(row));

/** Around the pieces and blocks in which a file is read. */
const texts = fc
  .oneof(fc.constantFrom(0, 3, 50), fc.integer({ min: 8000, max: 70_000 }))
  .chain((size) => fc.nat(9).map((digit) => (size === 0 ? "{}" : `{"a":${`${digit}`.repeat(size)}}`)));
const changes = fc.array(fc.record({ at: fc.nat(), text: texts }), { maxLength: 12 });

const kept = { dir: MemoryDirectory.empty(), files: 0 };

/** What `save` gave, written to a file. */
async function written(store: PayloadStore): Promise<SectionSource> {
  const { meta, sections } = store.save();
  const path = `rows-${kept.files++}`;
  await writeSections(kept.dir, path, { kind: "rows", meta, sections });
  const source = await openSections(kept.dir, path, "rows");
  return {
    meta: source.meta,
    length: (name) => source.length(name),
    read: (name, offset, length) => source.read(name, offset, length),
    readNow: (name, offset, target) => source.readNow(name, offset, target),
  };
}

it("answers as payloads in memory do, whatever changes while they go to a file", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(texts, { maxLength: 25 }),
      fc.array(changes, { minLength: 3, maxLength: 3 }),
      fc.constantFrom(0, 2 ** 15, 2 ** 20),
      async (given, [before, during, after], cacheBytes) => {
        const cache = new ReadCache(cacheBytes);
        const expected = [...given];
        const change = (store: PayloadStore, list: typeof before) => {
          for (const { at, text } of expected.length > 0 ? list : []) {
            expected[at % expected.length] = text;
            store.replace(at % expected.length, encoder.encode(text));
          }
        };
        const holds = (store: PayloadStore) => {
          expected.forEach((text, row) => {
            expect(textOf(store, row) === text).toBe(true);
          });
          expect(cache.bytes).toBeLessThanOrEqual(cacheBytes);
        };
        const store = new PayloadStore();
        for (const text of given) store.append(encoder.encode(text));
        change(store, before);
        for (const changed of [during, after]) {
          // As a checkpoint does: what is written while the file is made differs from it.
          const source = await written(store);
          store.markBase();
          change(store, changed);
          expect(await store.moveToFile(source, cache)).toBe(true);
          holds(store);
        }
        const opened = await PayloadStore.load(await written(store), undefined, cache);
        holds(opened);
        expect(opened.heapBytes).toBe(store.heapBytes);
        expect(opened.memoryBytes()).toBeLessThan(2000);
        const isEmpty = opened.heapBytes === 0;
        change(opened, before);
        holds(opened);
        expect(cache.bytes).toBeLessThanOrEqual(cacheBytes);
        const filling = opened.fill();
        change(opened, during);
        await filling;
        holds(opened);
        expect(opened.inFile).toBe(isEmpty);
        change(opened, after);
        holds(opened);
      },
    ),
    { seed: 7, numRuns: 60 },
  );
});

it("names the file and the offset of a damaged block when it is first read", async () => {
  const store = new PayloadStore();
  for (let row = 0; row < 3000; row++) store.append(encoder.encode(`{"row":"${"x".repeat(50)}"}`));
  const source = await written(store);
  const path = `rows-${kept.files - 1}`;
  const damaged = MemoryDirectory.empty();
  const bytes = await kept.dir.read(path, 0, (await kept.dir.size(path)) ?? 0);
  const [heap] = (await openSections(kept.dir, path, "rows")).names.slice(-1);
  expect(heap).toBe("payload.heap");
  bytes[bytes.length - 2 ** 16] ^= 1;
  const file = await damaged.create(path);
  await file.append(bytes);
  const broken = await openSections(damaged, path, "rows");
  const opened = await PayloadStore.load(
    { ...source, readNow: (name, offset, target) => broken.readNow(name, offset, target) },
    undefined,
    new ReadCache(2 ** 20),
  );
  const read = () => {
    for (let row = 0; row < 3000; row++) opened.bytes(row);
  };
  expect(read).toThrow(expect.objectContaining({ code: "CORRUPTION" }));
  expect(read).toThrow(path);
});
