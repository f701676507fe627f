import { describe, expect, test } from "vitest";
import { VicinalError } from "../runtime/errors.js";
import type { Directory } from "./directory.js";
import { Manifests, readManifests } from "./manifest.js";
import { MemoryDirectory } from "./memory-directory.js";
import { randomFrom, SimulatedDisk, Stopped } from "./simulated-disk.test.helper.js";

async function replace(
  dir: Directory,
  path: string,
  change: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  const bytes = change(await dir.read(path, 0, (await dir.size(path))!));
  await dir.delete(path);
  const writer = await dir.create(path);
  await writer.append(bytes);
}

async function committed(...values: object[]): Promise<MemoryDirectory> {
  const dir = MemoryDirectory.empty();
  const manifests = new Manifests(dir);
  for (const value of values) await manifests.commit(value);
  return dir;
}

const MARK_SIZE = 8;

describe("Manifests", () => {
  test("nothing at first; then the last committed value and its number", async () => {
    const dir = MemoryDirectory.empty();
    const manifests = new Manifests(dir);
    expect(await manifests.latest()).toBeUndefined();
    expect(await manifests.commit({ segments: ["ä"], next: 2 ** 53 - 1, share: 0.5 })).toBe(1);
    const latest = { number: 1, value: { segments: ["ä"], next: 2 ** 53 - 1, share: 0.5 } };
    expect(await manifests.latest()).toEqual(latest);
    expect(await new Manifests(dir).latest()).toEqual(latest);
    expect(await new Manifests(dir).commit({})).toBe(2);
  });

  test("keeps the last two, and other files", async () => {
    const dir = await committed({ a: 1 }, { a: 2 }, { a: 3 });
    await dir.create("manifest-1");
    const manifests = new Manifests(dir);
    await manifests.latest();
    await manifests.commit({ a: 4 });
    expect(await dir.list()).toEqual(["manifest-000000000003", "manifest-000000000004", "manifest-1"]);
  });

  test("a failure to delete undoes no commit, and is tried again", async () => {
    const disk = new SimulatedDisk(randomFrom(1));
    const manifests = new Manifests(disk);
    for (const a of [1, 2]) await manifests.commit({ a });
    disk.intercept = (operation) => {
      if (operation === "delete") throw new Error("the culprit");
    };
    expect(await manifests.commit({ a: 3 })).toBe(3);
    expect((await disk.list()).length).toBe(3);
    disk.intercept = () => {};
    expect(await manifests.commit({ a: 4 })).toBe(4);
    expect(await disk.list()).toEqual(["manifest-000000000003", "manifest-000000000004"]);
  });

  test.each(["append", "sync"] as const)(
    "a commit whose %s fails keeps no later one from counting",
    async (failing) => {
      const disk = new SimulatedDisk(randomFrom(1));
      const manifests = new Manifests(disk);
      await manifests.commit({ a: 1 });
      disk.fails = (operation) => operation === failing;
      await expect(manifests.commit({ a: 2 })).rejects.toMatchObject({ code: "IO" });
      disk.fails = () => false;
      await manifests.commit({ a: 3 });
      expect((await new Manifests(disk.afterCrash()).latest())?.value).toEqual({ a: 3 });
    },
  );

  test("a manifest counts once it is synced, whether or not its mark can be written", async () => {
    const disk = new SimulatedDisk(randomFrom(1));
    const manifests = new Manifests(disk);
    let appends = 0;
    disk.fails = (operation) => operation === "append" && ++appends === 2;
    await manifests.commit({ a: 1 });
    expect((await new Manifests(disk.afterCrash()).latest())?.value).toEqual({ a: 1 });
  });

  test("of two writers the later to commit is fenced, and stays so", async () => {
    const dir = await committed({ a: 1 });
    const [first, second] = [new Manifests(dir), new Manifests(dir)];
    await first.latest();
    await second.latest();
    await first.commit({ a: 2 });
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(second.commit({ a: 9 })).rejects.toMatchObject({
        code: "FENCED",
        message: expect.stringContaining(dir.location),
      });
    }
    expect((await new Manifests(dir).latest())?.value).toEqual({ a: 2 });
  });

  test("a writer that its directory fences commits nothing more", async () => {
    const dir = await committed({ a: 1 });
    const fenced = new VicinalError("FENCED", "another one owns the folder");
    const fencing: Directory = Object.assign(Object.create(dir), {
      async create(path: string) {
        const writer = await dir.create(path);
        return Object.assign(Object.create(writer), { sync: () => Promise.reject(fenced) });
      },
    });
    const manifests = new Manifests(fencing);
    await expect(manifests.commit({ a: 2 })).rejects.toBe(fenced);
    const before = await dir.list();
    await expect(manifests.commit({ a: 3 })).rejects.toBe(fenced);
    expect(await dir.list()).toEqual(before);
  });

  test("a writer whose number the other has used and deleted is fenced", async () => {
    const dir = await committed({ a: 1 });
    const [first, second] = [new Manifests(dir), new Manifests(dir)];
    await first.latest();
    await second.latest();
    for (let a = 2; a < 6; a++) await first.commit({ a });
    await expect(second.commit({ a: 9 })).rejects.toMatchObject({ code: "FENCED" });
    expect((await new Manifests(dir).latest())?.value).toEqual({ a: 5 });
    await first.commit({ a: 6 });
    expect((await new Manifests(dir).latest())?.value).toEqual({ a: 6 });
  });

  test.each([2 ** 53, -(2 ** 53), Number.NaN, Number.POSITIVE_INFINITY])(
    "refuses %d before anything changes",
    async (number) => {
      const dir = MemoryDirectory.empty();
      await expect(new Manifests(dir).commit({ deep: [{ number }] })).rejects.toThrow("number");
      expect(await dir.list()).toEqual([]);
    },
  );

  test("any flipped bit in an acknowledged manifest is CORRUPTION that names it", async () => {
    const path = "manifest-000000000002";
    const size = (await (await committed({ a: 1 }, { a: 2 })).size(path))!;
    for (let bit = 0; bit < (size - MARK_SIZE) * 8; bit++) {
      const dir = await committed({ a: 1 }, { a: 2 });
      await replace(dir, path, (bytes) => {
        bytes[bit >> 3] ^= 1 << (bit & 7);
        return bytes;
      });
      await expect(new Manifests(dir).latest(), `bit ${bit}`).rejects.toMatchObject({
        code: "CORRUPTION",
        message: expect.stringContaining(`${dir.location}/${path}`),
      });
    }
  });

  test("one torn at any byte does not count, and its number is not used again", async () => {
    const path = "manifest-000000000002";
    const whole = (await (await committed({ a: 1 }, { a: 2 })).size(path))! - MARK_SIZE;
    for (let length = 0; length < whole; length++) {
      const dir = await committed({ a: 1 }, { a: 2 });
      await replace(dir, path, (bytes) => bytes.slice(0, length));
      const manifests = new Manifests(dir);
      expect(await manifests.latest()).toEqual({ number: 1, value: { a: 1 }, torn: path });
      expect(await manifests.commit({ a: 3 })).toBe(3);
      expect(await dir.list()).toEqual(["manifest-000000000001", "manifest-000000000003"]);
    }
  });

  test("after a stop at every step the last acknowledged value counts, or the one in flight", async () => {
    let stops = 0;
    for (let seed = 1; seed <= 40; seed++) {
      for (let stopAt = 0; stopAt < 30; stopAt++) {
        const random = randomFrom(seed * 1000 + stopAt);
        let disk = new SimulatedDisk(random, { sectorBytes: 64 });
        let acknowledged = 0;
        let attempted = 0;
        for (let life = 0; life < 4; life++) {
          disk.stopAt =
            life === 3 ? Number.POSITIVE_INFINITY : life === 0 ? stopAt : Math.floor(random() * 15);
          try {
            const manifests = new Manifests(disk);
            const value = (await manifests.latest())?.value as { a: number; filler: string } | undefined;
            const found = value?.a ?? 0;
            expect(found).toBeGreaterThanOrEqual(acknowledged);
            expect(found).toBeLessThanOrEqual(attempted);
            if (value) expect(value.filler).toBe("x".repeat(found * 40));
            acknowledged = found;
            attempted = found;
            for (let i = 0; i < 4; i++) {
              attempted++;
              await manifests.commit({ a: attempted, filler: "x".repeat(attempted * 40) });
              acknowledged = attempted;
            }
          } catch (error) {
            if (!(error instanceof Stopped))
              throw new Error(`seed ${seed}, stop at ${stopAt}`, { cause: error });
            stops++;
          }
          disk = random() < 0.7 ? disk.afterCrash() : disk.afterKill();
        }
      }
    }
    expect(stops).toBeGreaterThan(1000);
  });
});

test("one that is deleted while all are read is left out", async () => {
  const dir = await committed({ a: 1 }, { a: 2 });
  const paths = await dir.list();
  const { read } = dir;
  dir.read = async (path, offset, length) => {
    if (path === paths[0]) await dir.delete(path);
    return read.call(dir, path, offset, length);
  };
  expect((await readManifests(dir)).map(({ path, value }) => [path, value])).toEqual([[paths[1], { a: 2 }]]);
});
