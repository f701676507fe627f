import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reopened } from "./fixtures.test.helper.js";
import { PayloadStore } from "./store.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const textOf = (store: PayloadStore, row: number): string => decoder.decode(store.bytes(row));

/** Sizes around the chunk boundary are what may go wrong. */
const texts = fc
  .oneof(fc.constantFrom(0, 3, 50), fc.integer({ min: 400_000, max: 1_200_000 }))
  .chain((size) => fc.nat(9).map((digit) => (size === 0 ? "{}" : `{"a":${`${digit}`.repeat(size)}}`)));

const actions = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("append" as const), text: texts }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("replace" as const), at: fc.nat(), text: texts }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const), at: fc.nat() }) },
  ),
  { maxLength: 25 },
);

describe("PayloadStore", () => {
  it("reads back more rows than it reads ends of at a time", async () => {
    const store = new PayloadStore();
    for (let row = 0; row < 70_000; row++) store.append(encoder.encode(row % 7 ? `{"row":${row}}` : "{}"));
    for (const chunkBytes of [10_000, undefined]) {
      const copy = await PayloadStore.load(reopened(store.save()), chunkBytes);
      for (let row = 0; row < 70_000; row += 13) expect(textOf(copy, row)).toBe(textOf(store, row));
      expect(copy.heapBytes).toBe(store.heapBytes);
    }
  });

  it("holds what a list would, before and after a save, with patches on top", async () => {
    await fc.assert(
      fc.asyncProperty(
        actions,
        actions,
        fc.constantFrom(1, 100, 2 ** 20, undefined),
        async (first, second, chunkBytes) => {
          const expected: string[] = [];
          const run = (store: PayloadStore, list: typeof first, mayAppend: boolean): Set<number> => {
            const touched = new Set<number>();
            for (const action of list) {
              if (action.kind === "append") {
                if (!mayAppend) continue;
                expect(store.append(encoder.encode(action.text))).toBe(expected.length);
                touched.add(expected.push(action.text) - 1);
              } else if (expected.length > 0) {
                const row = action.at % expected.length;
                expected[row] = action.kind === "clear" ? "{}" : action.text;
                if (action.kind === "clear") store.clear(row);
                else store.replace(row, encoder.encode(action.text));
                touched.add(row);
              }
            }
            return touched;
          };
          const holds = (store: PayloadStore): void => {
            expect(store.rowCount).toBe(expected.length);
            for (let row = 0; row < expected.length; row++) {
              expect(textOf(store, row) === expected[row]).toBe(true);
              expect(store.has(row)).toBe(expected[row] !== "{}");
            }
            const bytes = expected.reduce((sum, text) => sum + (text === "{}" ? 0 : text.length), 0);
            expect(store.heapBytes).toBe(bytes);
          };

          const growing = new PayloadStore();
          run(growing, first, true);
          holds(growing);
          const saved = growing.save();
          const sealed = await PayloadStore.load(reopened(saved), chunkBytes);
          holds(sealed);
          expect(sealed.dirtyCount).toBe(0);
          const touched = run(sealed, second, false);
          holds(sealed);
          expect([...sealed.dirtyRows()]).toEqual([...touched].sort((a, b) => a - b));
          const again = await PayloadStore.load(reopened(saved), chunkBytes);
          expect(await again.loadPatch(reopened(sealed.savePatch()), chunkBytes)).toEqual(sealed.dirtyRows());
          holds(again);
          expect(again.dirtyRows()).toEqual(sealed.dirtyRows());
        },
      ),
      { seed: 11, numRuns: 40 },
    );
  });

  it("saves chosen rows in the order given", async () => {
    const store = new PayloadStore();
    for (let i = 0; i < 100; i++) store.append(encoder.encode(`{"i":${i}}`));
    const copy = await PayloadStore.load(reopened(store.save(Uint32Array.of(7, 99, 0, 7))));
    expect([0, 1, 2, 3].map((row) => textOf(copy, row))).toEqual([
      '{"i":7}',
      '{"i":99}',
      '{"i":0}',
      '{"i":7}',
    ]);
  });

  it("leaves views alone while rows are replaced", () => {
    const store = new PayloadStore();
    store.append(encoder.encode('{"a":1}'));
    const view = store.bytes(0);
    store.replace(0, encoder.encode('{"a":2}'));
    expect(decoder.decode(view)).toBe('{"a":1}');
    expect(textOf(store, 0)).toBe('{"a":2}');
  });

  it("saves what was there when it was asked to", async () => {
    const store = new PayloadStore();
    for (let i = 0; i < 10; i++) store.append(encoder.encode(`{"i":${i}}`));
    const saved = store.save();
    const patch = store.savePatch();
    store.replace(3, encoder.encode('{"longer":"than before"}'));
    store.clear(4);
    const copy = await PayloadStore.load(reopened(saved));
    expect([textOf(copy, 3), textOf(copy, 4)]).toEqual(['{"i":3}', '{"i":4}']);
    store.clear(3);
    await copy.loadPatch(reopened(patch));
    expect([textOf(copy, 3), textOf(copy, 4)]).toEqual(['{"i":3}', '{"i":4}']);
  });

  it("gives memory back that replaced payloads took, and keeps views and saves whole", async () => {
    const large = (i: number): Uint8Array => encoder.encode(`{"i":${i},"text":"${"x".repeat(500_000)}"}`);
    const base = new PayloadStore();
    base.append(encoder.encode('{"base":1}'));
    for (let i = 1; i < 4; i++) base.append(large(i));
    const store = await PayloadStore.load(reopened(base.save()));
    store.replace(1, large(-1));
    const view = store.bytes(1);
    const patch = store.savePatch();
    for (let i = 0; i < 300; i++) store.replace(2 + (i & 1), large(i));
    expect(store.memoryBytes()).toBeLessThan(80 * 2 ** 20);
    expect([0, 1, 2, 3].map((row) => textOf(store, row).slice(0, 10))).toEqual([
      '{"base":1}',
      '{"i":-1,"t',
      '{"i":298,"',
      '{"i":299,"',
    ]);
    expect(decoder.decode(view)).toBe(decoder.decode(large(-1)));
    const copy = await PayloadStore.load(reopened(base.save()));
    expect([...(await copy.loadPatch(reopened(patch)))]).toEqual([1]);
    expect(textOf(copy, 1)).toBe(decoder.decode(large(-1)));
  });

  it("gives rows without payload no bytes", () => {
    const store = new PayloadStore();
    for (let i = 0; i < 1000; i++) store.append(encoder.encode("{}"));
    expect(store.heapBytes).toBe(0);
    expect(store.memoryBytes()).toBeLessThan(1024 * 13);
    expect(textOf(store, 999)).toBe("{}");
  });

  it("refuses sections that do not fit together", async () => {
    const store = new PayloadStore();
    for (let i = 0; i < 10; i++) store.append(encoder.encode(`{"i":${i}}`));
    const spoiled = (meta: object, ends?: (ends: Float64Array) => void) => {
      const saved = store.save();
      Object.assign(saved.meta, meta);
      const bytes = (saved.sections[0].bytes as Uint8Array).slice();
      ends?.(new Float64Array(bytes.buffer));
      saved.sections[0].bytes = bytes;
      return PayloadStore.load(reopened(saved));
    };
    const corrupted = { code: "CORRUPTION" };
    await expect(spoiled({})).resolves.toBeInstanceOf(PayloadStore);
    await expect(spoiled({ version: 2 })).rejects.toMatchObject(corrupted);
    await expect(spoiled({ rows: 9 })).rejects.toMatchObject(corrupted);
    await expect(spoiled({}, (ends) => ends.fill(1e9, 9))).rejects.toMatchObject(corrupted);
    await expect(spoiled({}, (ends) => ends.fill(0, 5, 6))).rejects.toMatchObject(corrupted);
    await expect(spoiled({}, (ends) => ends.fill(Number.NaN, 5, 6))).rejects.toMatchObject(corrupted);
    const patch = store.savePatch();
    patch.meta.rows = 11;
    await expect(store.loadPatch(reopened(patch))).rejects.toMatchObject(corrupted);
  });

  it("refuses rows that it does not have", () => {
    const store = new PayloadStore();
    expect(() => store.bytes(0)).toThrow(/Broken rule/);
    expect(() => store.replace(0, encoder.encode("{}"))).toThrow(/Broken rule/);
  });
});
