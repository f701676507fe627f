/** Sections of floats: in fewer bytes where that loses nothing, read back as they were from any place on. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ofHalf } from "../runtime/half.js";
import { MemoryDirectory } from "./memory-directory.js";
import { openSections, writeSections } from "./sections.js";

const COUNT = 700_000;
const cases: [string, number, (i: number) => number][] = [
  ["bytes", 1, (i) => (i * 31) % 256],
  ["half floats", 2, (i) => ofHalf((i * 7) % 0x7c00)],
  ["bytes but for the last", 2, (i) => (i === COUNT - 1 ? 0.5 : i % 200)],
  ["half floats but for the last", 4, (i) => (i === COUNT - 1 ? 0.1 : 0.25 * (i % 99))],
  ["any numbers", 4, (i) => Math.fround(Math.sin(i))],
];

test.each(cases)("%s take %i bytes each", async (_name, width, number) => {
  const numbers = Float32Array.from({ length: COUNT }, (_, i) => number(i));
  const bytes = new Uint8Array(numbers.buffer);
  const dir = MemoryDirectory.empty();
  const sections = [
    { name: "before", bytes: Uint8Array.of(1, 2, 3) },
    { name: "floats", bytes, floats: true },
    { name: "none", bytes: new Uint8Array(0), floats: true },
    { name: "after", bytes: Uint8Array.of(4) },
  ];
  const length = await writeSections(dir, "file", { kind: "test", meta: {}, sections });
  expect(Math.abs(length - COUNT * width)).toBeLessThan(2000);
  const file = await openSections(dir, "file", "test");
  expect(file.names.map((name) => file.length(name))).toEqual([3, COUNT * 4, 0, 1]);
  expect(Buffer.compare(await file.read("floats"), bytes)).toBe(0);
  expect([...(await file.read("after"))]).toEqual([4]);
  expect((await file.read("none")).length).toBe(0);
  // Into shared memory, as vectors are.
  const shared = new Uint8Array(new SharedArrayBuffer(64), 16, 40);
  await (await openSections(dir, "file", "test")).readInto("floats", shared, 400);
  expect([...shared]).toEqual([...bytes.subarray(400, 440)]);
  await fc.assert(
    fc.asyncProperty(fc.nat(COUNT), fc.nat(70_000), async (from, wanted) => {
      const many = Math.min(wanted, COUNT - from);
      const found = await file.read("floats", from * 4, many * 4);
      expect(Buffer.compare(found, bytes.subarray(from * 4, (from + many) * 4))).toBe(0);
    }),
    { numRuns: 20, seed: 5 },
  );
});

test("a flipped bit in packed numbers is found", async () => {
  const dir = MemoryDirectory.empty();
  const bytes = new Uint8Array(Float32Array.from({ length: 9000 }, (_, i) => i % 256).buffer);
  await writeSections(dir, "file", {
    kind: "test",
    meta: {},
    sections: [{ name: "floats", bytes, floats: true }],
  });
  const stored = await dir.read("file", 0, (await dir.size("file"))!);
  stored[5000] ^= 8;
  const copy = MemoryDirectory.empty();
  await (await copy.create("file")).append(stored);
  await expect((await openSections(copy, "file", "test")).read("floats", 4, 8)).rejects.toMatchObject({
    code: "CORRUPTION",
  });
});
