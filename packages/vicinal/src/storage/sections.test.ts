import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Directory } from "./directory.js";
import { MemoryDirectory } from "./memory-directory.js";
import { openSections, type SectionBytes, type SectionFileSource, writeSections } from "./sections.js";
import { randomFrom, SimulatedDisk, Stopped } from "./simulated-disk.test.helper.js";

function filled(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 2654435761 + seed * 97) >>> 7);
}

function source(sections: Record<string, SectionBytes>): SectionFileSource {
  const named = Object.entries(sections).map(([name, bytes]) => ({ name, bytes }));
  return { kind: "test", meta: { count: 3, deep: { name: "ä" } }, sections: named };
}

async function fileOf(sections: Record<string, SectionBytes>): Promise<Directory> {
  const dir = MemoryDirectory.empty();
  await writeSections(dir, "file", source(sections));
  return dir;
}

/** A copy of the one file with one bit flipped. */
async function flipped(dir: Directory, bit: number): Promise<Directory> {
  const bytes = await dir.read("file", 0, (await dir.size("file"))!);
  bytes[Math.floor(bit / 8)] ^= 1 << (bit & 7);
  const copy = MemoryDirectory.empty();
  await (await copy.create("file")).append(bytes);
  return copy;
}

const corrupted = { code: "CORRUPTION", message: expect.stringMatching(/:memory:\/file at offset \d+/) };

describe("section files", () => {
  test("hold what was written, in order, 64-byte aligned, from any kind of source", async () => {
    async function* made() {
      yield filled(5, 1);
      yield new Uint8Array(0);
      yield filled(200_000, 2);
    }
    const dir = MemoryDirectory.empty();
    const one = filled(70_001, 3);
    const length = await writeSections(
      dir,
      "file",
      source({ one, "two: ü": [filled(1, 4), filled(63, 5)], none: [], made: made() }),
    );
    expect(await dir.size("file")).toBe(length);
    const file = await openSections(dir, "file", "test");
    expect(file.kind).toBe("test");
    expect(file.meta).toEqual({ count: 3, deep: { name: "ä" } });
    expect(file.names).toEqual(["one", "two: ü", "none", "made"]);
    expect(file.names.map((name) => file.length(name))).toEqual([70_001, 64, 0, 200_005]);
    expect(await file.read("one")).toEqual(one);
    expect(await file.read("two: ü")).toEqual(Uint8Array.from([...filled(1, 4), ...filled(63, 5)]));
    expect(await file.read("none")).toEqual(new Uint8Array(0));
    expect(await file.read("made", 5)).toEqual(filled(200_000, 2));
    expect(file.has("one")).toBe(true);
    expect(file.has("other")).toBe(false);
    expect(file.length("other")).toBe(0);
    await expect(file.read("other")).rejects.toMatchObject({
      code: "CORRUPTION",
      message: expect.stringContaining("section other"),
    });
  });

  test("any part of any section is read right, checked before or not", async () => {
    const contents = [
      filled(300, 1),
      filled(65_536, 2),
      filled(200_000, 3),
      filled(1_300_000, 4),
      filled(9, 5),
    ];
    const dir = await fileOf(Object.fromEntries(contents.map((bytes, i) => [`s${i}`, bytes])));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(4), fc.nat(), fc.nat(), fc.boolean()), { minLength: 1, maxLength: 6 }),
        async (reads) => {
          const file = await openSections(dir, "file", "test");
          for (const [index, a, b, isShared] of reads) {
            const whole = contents[index];
            const offset = a % (whole.length + 1);
            const length = b % (whole.length - offset + 1);
            const target = new Uint8Array(
              isShared ? new SharedArrayBuffer(length + 3) : new ArrayBuffer(length + 3),
            );
            await file.readInto(`s${index}`, target.subarray(3), offset);
            expect(Buffer.compare(target.subarray(3), whole.subarray(offset, offset + length))).toBe(0);
          }
        },
      ),
      { seed: 7, numRuns: 150 },
    );
  });

  test("a read outside its section is refused", async () => {
    const file = await openSections(await fileOf({ a: filled(10, 1), b: filled(10, 2) }), "file", "test");
    for (const [offset, length] of [
      [0, 11],
      [10, 1],
      [-1, 1],
    ]) {
      await expect(file.readInto("a", new Uint8Array(length), offset)).rejects.toMatchObject({
        code: "INTERNAL",
      });
    }
  });

  test("each block is checked once, and only what is asked for is read", async () => {
    const memory = await fileOf({ a: filled(1_000_000, 1) });
    let bytesRead = 0;
    const counting: Directory = Object.create(memory, {
      read: {
        value: (path: string, offset: number, length: number) => {
          bytesRead += length;
          return memory.read(path, offset, length);
        },
      },
      readInto: {
        value: (path: string, offset: number, target: Uint8Array) => {
          bytesRead += target.length;
          return memory.readInto(path, offset, target);
        },
      },
    });
    const file = await openSections(counting, "file", "test");
    expect(bytesRead).toBeLessThan(500);
    bytesRead = 0;
    await file.read("a", 100_000, 10);
    expect(bytesRead).toBe(65_536);
    bytesRead = 0;
    await file.read("a", 100_000, 10);
    expect(bytesRead).toBe(10);
    bytesRead = 0;
    await file.read("a");
    expect(bytesRead).toBeLessThan(1_000_000 + 65_536);
  });

  test("any flipped bit is found by verify, or before by opening", async () => {
    const dir = await fileOf({ a: filled(100, 1), b: filled(140_000, 2), c: [], d: filled(33, 4) });
    const bits = (await dir.size("file"))! * 8;
    const verify = async (bit: number) => {
      const damaged = await flipped(dir, bit);
      const work = openSections(damaged, "file", "test").then((file) => file.verify());
      await expect(work, `bit ${bit}`).rejects.toMatchObject(corrupted);
    };
    await (await openSections(dir, "file", "test")).verify();
    // All of header, first section and its padding, and all of footer and trailer.
    for (let bit = 0; bit < 256 * 8; bit += 3) await verify(bit);
    for (let bit = bits - 400 * 8; bit < bits; bit += 3) await verify(bit);
    await fc.assert(fc.asyncProperty(fc.nat(bits - 1), verify), { seed: 3, numRuns: 200 });
  });

  test("a flipped bit in a section is found by the first read that touches it", async () => {
    const content = filled(300_000, 2);
    const dir = await fileOf({ a: filled(100, 1), b: content });
    const start = 64 + 128;
    await fc.assert(
      fc.asyncProperty(fc.nat(content.length - 1), fc.nat(7), fc.nat(), fc.nat(), async (byte, bit, a, b) => {
        const damaged = await flipped(dir, (start + byte) * 8 + bit);
        const offset = a % (byte + 1);
        const length = byte + 1 - offset + (b % (content.length - byte));
        const file = await openSections(damaged, "file", "test");
        await expect(file.read("b", offset, length)).rejects.toMatchObject(corrupted);
        // A second attempt is no better.
        await expect(file.read("b", offset, length)).rejects.toMatchObject(corrupted);
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  test("blocks checked again and again do not stand for those that were not", async () => {
    const dir = await fileOf({ a: filled(400_000, 1) });
    const damaged = await flipped(dir, 300_000 * 8);
    const file = await openSections(damaged, "file", "test");
    await Promise.all([file.read("a", 0, 140_000), file.read("a", 0, 140_000)]);
    for (let i = 0; i < 20; i++) {
      await file.read("a", i, 140_000);
      await expect(file.read("a", 299_000, 2_000)).rejects.toMatchObject(corrupted);
    }
    await expect(file.verify()).rejects.toMatchObject(corrupted);
  });

  test("a file cut anywhere, or with bytes after its end, does not open", async () => {
    const dir = await fileOf({ a: filled(100, 1) });
    const bytes = await dir.read("file", 0, (await dir.size("file"))!);
    const opening = async (content: Uint8Array) => {
      const copy = MemoryDirectory.empty();
      await (await copy.create("file")).append(content);
      return openSections(copy, "file", "test");
    };
    for (let length = 0; length < bytes.length; length++) {
      await expect(opening(bytes.subarray(0, length)), `cut at ${length}`).rejects.toMatchObject(corrupted);
    }
    for (const gap of [1, 64, 150]) {
      const holed = Uint8Array.from([...bytes.subarray(0, 20), ...bytes.subarray(20 + gap)]);
      await expect(opening(holed), `without ${gap} bytes`).rejects.toMatchObject(corrupted);
    }
    await expect(opening(Uint8Array.from([...bytes, 0]))).rejects.toMatchObject(corrupted);
    await expect(
      opening(Uint8Array.from([...bytes.subarray(0, -64), 0, ...bytes.subarray(-64)])),
    ).rejects.toMatchObject(corrupted);
  });

  test("an absent file, another kind, and a name used twice are refused", async () => {
    const dir = await fileOf({ a: filled(100, 1) });
    await expect(openSections(dir, "absent", "test")).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
    await expect(openSections(dir, "file", "other")).rejects.toMatchObject({
      code: "CORRUPTION",
      details: { expected: "other", actual: "test" },
    });
    await expect(writeSections(dir, "file", source({}))).rejects.toMatchObject({ code: "FILE_EXISTS" });
    const twice = {
      kind: "test",
      meta: {},
      sections: ["a", "a"].map((name) => ({ name, bytes: filled(1, 1) })),
    };
    await expect(writeSections(dir, "twice", twice)).rejects.toThrow("named a");
    expect(await dir.list()).toEqual(["file"]);
    await (await openSections(dir, "file", "test")).verify();
  });

  test("cancelling, or a source that fails, leaves no file", async () => {
    const dir = MemoryDirectory.empty();
    const controller = new AbortController();
    function* cancelled() {
      yield filled(2_000_000, 1);
      controller.abort();
      yield filled(2_000_000, 1);
    }
    const options = { signal: controller.signal };
    await expect(writeSections(dir, "file", source({ a: cancelled() }), options)).rejects.toMatchObject({
      code: "CANCELLED",
    });
    // biome-ignore lint/correctness/useYield: the failure comes first
    function* failing(): Generator<Uint8Array> {
      throw new RangeError("the culprit");
    }
    await expect(writeSections(dir, "file", source({ a: failing() }))).rejects.toThrow("the culprit");
    expect(await dir.list()).toEqual([]);
  });

  test("verify reports progress and can be cancelled", async () => {
    const file = await openSections(await fileOf({ a: filled(5_000_000, 1) }), "file", "test");
    const seen: number[] = [];
    let total = 0;
    await file.verify({
      onProgress: (doneBytes, totalBytes) => {
        seen.push(doneBytes);
        total = totalBytes;
      },
    });
    expect(seen.length).toBeGreaterThan(3);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(total);
    await expect(file.verify({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "CANCELLED" });
  });

  test("a file that was written survives a power cut at any later moment", async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const disk = new SimulatedDisk(randomFrom(seed));
      disk.stopAt = seed % 6;
      const content = filled(3000, seed);
      const isWritten = await writeSections(disk, "file", source({ a: content })).then(
        () => true,
        (error: unknown) => {
          expect(error).toBeInstanceOf(Stopped);
          return false;
        },
      );
      const after = disk.afterCrash();
      if (!isWritten) continue;
      const file = await openSections(after, "file", "test");
      await file.verify();
      expect(await file.read("a")).toEqual(content);
    }
  });
});
