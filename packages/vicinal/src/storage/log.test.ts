import { describe, expect, test, vi } from "vitest";
import { VicinalError } from "../runtime/errors.js";
import { crc32c } from "./crc32c.js";
import type { Directory, FileWriter } from "./directory.js";
import { FileLog, type FileLogOptions } from "./log.js";
import { encodeHeader, logFileName } from "./log-format.js";
import { MemoryDirectory } from "./memory-directory.js";
import { randomFrom, SimulatedDisk } from "./simulated-disk.test.helper.js";

const record = (...values: number[]) => Uint8Array.from(values);

async function replayed(dir: Directory, options: FileLogOptions = {}): Promise<[number, number[]][]> {
  const records: [number, number[]][] = [];
  const log = await FileLog.open(dir, options, ({ sequence, bytes }) => records.push([sequence, [...bytes]]));
  await log.close();
  return records;
}

async function written(
  batches: Uint8Array[][],
  dir: Directory = MemoryDirectory.empty(),
): Promise<Directory> {
  const log = await FileLog.open(dir, {}, () => {});
  for (const batch of batches) await log.append(batch);
  await log.close();
  return dir;
}

/** A copy of `dir` in which `change` was applied to the file's bytes. */
async function changed(
  dir: Directory,
  path: string,
  change: (bytes: Uint8Array) => Uint8Array,
): Promise<Directory> {
  const copy = MemoryDirectory.empty();
  for (const name of await dir.list()) {
    const bytes = await dir.read(name, 0, (await dir.size(name))!);
    const writer = await copy.create(name);
    await writer.append(name === path ? change(bytes) : bytes);
  }
  return copy;
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  bytes[bit >> 3] ^= 1 << (bit & 7);
  return bytes;
}

/** Without the writers' marks. */
async function logFiles(dir: MemoryDirectory): Promise<string[]> {
  return (await dir.list()).filter((path) => path.startsWith("log-"));
}

describe("FileLog", () => {
  test("an old file that comes back after a truncation, without those that followed it, is no damage", async () => {
    const dir = MemoryDirectory.empty();
    const log = await FileLog.open(dir, {}, () => {});
    await log.append([record(1)]);
    await log.rotate();
    await log.append([record(2)]);
    await log.close();
    // A checkpoint of both deleted the two; a power cut undid the first deletion only.
    await dir.delete("log-000000000002-000001");
    expect(await replayed(dir, { after: 2, synced: 2 })).toEqual([]);
    const again = await FileLog.open(dir, { after: 2, synced: 2 }, () => {});
    await again.append([record(3)]);
    await again.close();
    expect(await replayed(dir, { after: 2, synced: 3 })).toEqual([[3, [3]]]);
    await expect(replayed(dir, { after: 1, synced: 3 })).rejects.toThrow("records are missing");
  });

  test("replays what was appended, in order, above `after`", async () => {
    const dir = await written([[record(1), record()], [record(2, 2)], [record(3)]]);
    expect(await replayed(dir)).toEqual([
      [1, [1]],
      [2, []],
      [3, [2, 2]],
      [4, [3]],
    ]);
    expect(await replayed(dir, { after: 1 })).toEqual([
      [2, []],
      [3, [2, 2]],
      [4, [3]],
    ]);
    expect(await replayed(dir, { after: 4 })).toEqual([]);
  });

  test("makes no file before the first append, and numbers on after reopening", async () => {
    const dir = MemoryDirectory.empty();
    for (const next of [1, 2, 3]) {
      const log = await FileLog.open(dir, {}, () => {});
      expect(log.next).toBe(next);
      expect((await logFiles(dir)).length).toBe(next - 1);
      expect(await log.append([record(next)])).toBe(next);
      expect(log.bytes).toBeGreaterThan(0);
      await log.close();
    }
    expect((await replayed(dir)).map(([sequence]) => sequence)).toEqual([1, 2, 3]);
    const log = await FileLog.open(MemoryDirectory.empty(), { after: 41 }, () => {});
    expect(await log.append([record(0)])).toBe(42);
  });

  test("records larger than the reading window", async () => {
    const large = Uint8Array.from({ length: 3_500_000 }, (_, i) => i * 13);
    const dir = await written([[record(1), large], [large.subarray(0, 1_100_000)], [record(9)]]);
    const lengths: number[] = [];
    const log = await FileLog.open(dir, {}, ({ bytes }) => {
      lengths.push(bytes.length);
      if (bytes.length > 1) expect(Buffer.compare(bytes, large.subarray(0, bytes.length))).toBe(0);
    });
    expect(lengths).toEqual([1, 3_500_000, 1_100_000, 1]);
    await log.close();
  });

  test("callers that wait together share one write and one sync", async () => {
    const disk = new SimulatedDisk(randomFrom(1));
    const counts: Record<string, number> = {};
    disk.intercept = (operation) => {
      counts[operation] = (counts[operation] ?? 0) + 1;
    };
    const log = await FileLog.open(disk, {}, () => {});
    const firsts = await Promise.all(Array.from({ length: 100 }, () => log.append([record(1), record(2)])));
    expect(firsts).toEqual(Array.from({ length: 100 }, (_, i) => 1 + 2 * i));
    expect(counts.append).toBeLessThanOrEqual(2);
    expect(counts.sync).toBe(counts.append);
  });

  test("a group is bounded: what waits beyond it is written next", async () => {
    const dir = MemoryDirectory.empty();
    const writes: number[] = [];
    const counting: Directory = Object.create(dir, {
      create: {
        value: async (path: string) => {
          const writer = await dir.create(path);
          return Object.create(writer, {
            append: {
              value: (bytes: Uint8Array) => {
                writes.push(bytes.length);
                return writer.append(bytes);
              },
            },
          });
        },
      },
    });
    const log = await FileLog.open(counting, {}, () => {});
    const large = new Uint8Array(12 * 2 ** 20);
    const firsts = await Promise.all(Array.from({ length: 8 }, () => log.append([large])));
    expect(firsts).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(writes.length).toBeLessThan(8);
    expect(Math.max(...writes)).toBeLessThan(45 * 2 ** 20);
    await log.close();
    expect(log.bytes).toBeGreaterThan(8 * large.length);
  });

  test("rotates, and truncates what lies wholly at or below", async () => {
    const dir = MemoryDirectory.empty();
    const log = await FileLog.open(dir, {}, () => {});
    for (let i = 1; i <= 3; i++) {
      await log.append([record(i), record(i)]);
      await log.rotate();
      await log.rotate();
    }
    await log.append([record(4)]);
    expect((await logFiles(dir)).length).toBe(4);
    const before = log.bytes;
    await log.truncate(3);
    expect((await logFiles(dir)).length).toBe(3);
    expect(log.bytes).toBeLessThan(before);
    await log.truncate(7);
    expect(await logFiles(dir), "the file in hand stays").toEqual(["log-000000000007-000001"]);
    await log.close();
    expect(await replayed(dir, { after: 6 })).toEqual([[7, [4]]]);
    const next = await FileLog.open(dir, { after: 7 }, () => {});
    await next.truncate(7);
    expect(await logFiles(dir)).toEqual([]);
    expect(await next.append([record(5)])).toBe(8);
  });

  test("a file that truncation deleted may be back after a crash", async () => {
    const dir = MemoryDirectory.empty();
    const log = await FileLog.open(dir, {}, () => {});
    for (let i = 1; i <= 3; i++) {
      await log.append([record(i)]);
      await log.rotate();
    }
    await log.close();
    await dir.delete("log-000000000002-000001");
    expect(await replayed(dir, { after: 2 })).toEqual([[3, [3]]]);
    await expect(replayed(dir, { after: 1 })).rejects.toMatchObject({ code: "CORRUPTION" });
  });

  test("a last file that truncation deleted may be back after a crash, where the checkpoint holds all", async () => {
    const dir = await written([[record(1)], [record(2)]]);
    expect(await replayed(dir, { after: 5, synced: 5 })).toEqual([]);
    await expect(replayed(dir, { after: 5, synced: 6 })).rejects.toMatchObject({ code: "CORRUPTION" });
    const log = await FileLog.open(dir, { after: 5, synced: 5 }, () => {});
    expect(await log.append([record(6)])).toBe(6);
    await log.close();
    expect(await replayed(dir, { after: 5, synced: 6 })).toEqual([[6, [6]]]);
  });

  test("other files in the folder are left alone", async () => {
    const dir = await written([[record(1)]]);
    for (const name of ["log", "log-1-1", "log-000000000001-000001.bak", "x/log-000000000001-000009"]) {
      await dir.create(name);
    }
    expect(await replayed(dir)).toEqual([[1, [1]]]);
  });

  test("a closed log refuses; closing again is fine", async () => {
    const log = await FileLog.open(MemoryDirectory.empty(), {}, () => {});
    const waiting = log.append([record(1)]);
    await log.close();
    expect(await waiting).toBe(1);
    await log.close();
    await expect(log.append([record(1)])).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe("FileLog and failures", () => {
  test.each([
    ["append", "IO"],
    ["sync", "DISK_FULL"],
    ["create", "FOLDER_NOT_WRITABLE"],
  ] as const)("a failed %s is final", async (failing, code) => {
    const disk = new SimulatedDisk(randomFrom(2));
    const log = await FileLog.open(disk, {}, () => {});
    await log.append([record(1)]);
    await log.rotate();
    let failures = 0;
    disk.intercept = (operation) => {
      if (operation !== failing) return;
      failures++;
      throw new VicinalError(code, "the culprit");
    };
    const both = [log.append([record(2)]), log.append([record(3)])];
    for (const append of both) await expect(append).rejects.toMatchObject({ code });
    disk.intercept = () => {};
    await expect(log.append([record(4)])).rejects.toMatchObject({
      code: "WRITES_REFUSED",
      message: expect.stringContaining("the culprit"),
      cause: expect.objectContaining({ code }),
    });
    expect(failures).toBe(1);
    await log.close();
    const [first] = await replayed(disk);
    expect(first).toEqual([1, [1]]);
  });

  test.each(["in a file that is there", "in a new file"])(
    "a full disk takes nothing back that was written, and passes: %s",
    async (where) => {
      for (let seed = 1; seed <= 20; seed++) {
        const disk = new SimulatedDisk(randomFrom(seed));
        const log = await FileLog.open(disk, {}, () => {});
        await log.append([record(1)]);
        if (where === "in a new file") await log.rotate();
        disk.capacityBytes = disk.usedBytes + 5 * seed;
        const large = [record(2), new Uint8Array(200)];
        const both = [log.append(large), log.append([record(3)])];
        for (const append of both) await expect(append).rejects.toMatchObject({ code: "DISK_FULL" });
        await expect(log.append(large)).rejects.toMatchObject({ code: "DISK_FULL" });
        disk.capacityBytes = Number.POSITIVE_INFINITY;
        expect(await log.append([record(4)])).toBe(2);
        expect(await log.append([record(5)])).toBe(3);
        expect(await replayed(disk.afterCrash())).toEqual([
          [1, [1]],
          [2, [4]],
          [3, [5]],
        ]);
      }
    },
  );

  test("batches that wait behind a failing group are refused", async () => {
    const disk = new SimulatedDisk(randomFrom(2));
    const log = await FileLog.open(disk, {}, () => {});
    let late: Promise<number> | undefined;
    disk.intercept = (operation) => {
      if (operation !== "sync") return;
      late = log.append([record(2)]);
      throw new VicinalError("IO", "the culprit");
    };
    await expect(log.append([record(1)])).rejects.toMatchObject({ code: "IO" });
    await expect(late).rejects.toMatchObject({ code: "WRITES_REFUSED" });
  });

  test("with a sync interval: acknowledged before the sync, and a failed one refuses what follows", async () => {
    vi.useFakeTimers();
    try {
      const disk = new SimulatedDisk(randomFrom(3));
      let syncs = 0;
      const log = await FileLog.open(disk, { syncIntervalMs: 20 }, () => {});
      disk.intercept = (operation) => {
        if (operation === "sync" && ++syncs === 2) throw new VicinalError("IO", "the culprit");
      };
      await log.append([record(1)]);
      await log.append([record(2)]);
      expect(syncs).toBe(0);
      await vi.advanceTimersByTimeAsync(20);
      expect(syncs).toBe(1);
      await vi.advanceTimersByTimeAsync(100);
      expect(syncs, "nothing new to sync").toBe(1);
      await log.append([record(3)]);
      await vi.advanceTimersByTimeAsync(20);
      await expect(log.append([record(4)])).rejects.toMatchObject({ code: "WRITES_REFUSED" });
    } finally {
      vi.useRealTimers();
    }
  });

  describe("while the sync of an interval hangs", () => {
    /** A log in a folder whose syncs wait until they are let go, or fail. */
    async function hanging() {
      const waiting: { resolve: () => void; reject: (reason: unknown) => void }[] = [];
      let hangs = true;
      const { dir, writers } = withSync(MemoryDirectory.empty(), async () => {
        if (hangs) await new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }));
      });
      const log = await FileLog.open(dir, { syncIntervalMs: 1 }, () => {});
      await log.append([record(1)]);
      await expect.poll(() => waiting.length).toBe(1);
      const go = () => {
        hangs = false;
        for (const { resolve } of waiting.splice(0)) resolve();
      };
      return { log, dir, writers, waiting, go };
    }

    test("appends are acknowledged, and nothing beyond the sync's begin counts as synced", async () => {
      const { log, dir, waiting, go } = await hanging();
      for (let n = 2; n <= 5; n++) expect(await log.append([record(n)])).toBe(n);
      expect(log.synced).toBe(0);
      expect(waiting.length, "one sync at a time").toBe(1);
      waiting.splice(0)[0].resolve();
      await expect.poll(() => log.synced).toBe(1);
      await expect.poll(() => waiting.length, { message: "what came meanwhile is synced next" }).toBe(1);
      go();
      await expect.poll(() => log.synced).toBe(5);
      await log.close();
      expect((await replayed(dir)).map(([sequence]) => sequence)).toEqual([1, 2, 3, 4, 5]);
    });

    test("appends wait once 64 MiB are not synced", async () => {
      const { log, go } = await hanging();
      const large = new Uint8Array(16 * 2 ** 20);
      let acknowledged = 0;
      const all = Array.from({ length: 8 }, async () => {
        await log.append([large]);
        acknowledged++;
      });
      await expect.poll(() => acknowledged).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(acknowledged * large.length).toBeLessThanOrEqual(2 ** 26 + 2 ** 25 + large.length);
      expect(acknowledged).toBeLessThan(8);
      go();
      await Promise.all(all);
      await log.close();
      expect(log.synced).toBe(9);
    });

    test("rotating, holding and closing wait for it", async () => {
      for (const operation of ["rotate", "hold", "close"] as const) {
        const { log, go } = await hanging();
        await log.append([record(2)]);
        let done = false;
        const work = (operation === "hold" ? log.hold(0) : log[operation]()).then(() => {
          done = true;
        });
        await new Promise((resolve) => setTimeout(resolve, 10));
        expect(done, operation).toBe(false);
        go();
        await work;
        expect(log.synced, operation).toBe(2);
        await log.close();
      }
    });

    test("its failure refuses what follows", async () => {
      const { log, waiting, go } = await hanging();
      await log.append([record(2)]);
      waiting.splice(0)[0].reject(new VicinalError("IO", "the culprit"));
      await expect
        .poll(() =>
          log.append([record(3)]).then(
            () => "taken",
            ({ code }) => code,
          ),
        )
        .toBe("WRITES_REFUSED");
      go();
      await log.close();
      expect(log.synced, "never tried again").toBe(0);
    });

    test("a full disk waits for it before the file is cut", async () => {
      const { log, dir, writers, go } = await hanging();
      await log.append([record(2)]);
      const [writer] = writers.slice(-1);
      writer.append = async () => {
        throw new VicinalError("DISK_FULL", "The disk is full");
      };
      const close = vi.spyOn(writer, "close");
      const refused = expect(log.append([record(3)])).rejects.toMatchObject({ code: "DISK_FULL" });
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(close).not.toHaveBeenCalled();
      go();
      await refused;
      expect(await log.append([record(4)])).toBe(3);
      await expect.poll(() => log.synced, { message: "the interval goes on" }).toBe(3);
      await log.close();
      expect((await replayed(dir)).map(([, [n]]) => n)).toEqual([1, 2, 4]);
    });
  });

  test("a failed sync of a hold is final", async () => {
    const disk = new SimulatedDisk(randomFrom(4));
    const log = await FileLog.open(disk, { syncIntervalMs: 3_600_000 }, () => {});
    await log.append([record(1)]);
    disk.intercept = (operation) => {
      if (operation === "sync") throw new VicinalError("IO", "the culprit");
    };
    await expect(log.hold(0)).rejects.toMatchObject({ code: "IO" });
    disk.intercept = () => {};
    await expect(log.hold(0)).rejects.toMatchObject({ code: "WRITES_REFUSED" });
    await expect(log.append([record(2)])).rejects.toMatchObject({ code: "WRITES_REFUSED" });
    await log.close();
  });

  test("a writer that was replaced is fenced, and what it still wrote is ignored", async () => {
    const dir = MemoryDirectory.empty();
    const old = await FileLog.open(dir, { epoch: 1 }, () => {});
    await old.append([record(1)]);
    const current = await FileLog.open(dir, { epoch: 2 }, () => {});
    await current.append([record(2)]);
    await expect(old.append([record(77)])).rejects.toMatchObject({ code: "FENCED" });
    await expect(old.append([record(78)])).rejects.toMatchObject({ code: "WRITES_REFUSED" });
    await old.close();
    await current.append([record(3), record(4), record(5)]);
    await current.close();
    expect(await replayed(dir)).toEqual([1, 2, 3, 4, 5].map((n) => [n, [n]]));
    expect(await logFiles(dir)).toEqual(await dir.list());
    const twin = MemoryDirectory.empty();
    const [a, b] = [await FileLog.open(twin, {}, () => {}), await FileLog.open(twin, {}, () => {})];
    await expect(a.append([record(1)])).rejects.toMatchObject({ code: "FENCED" });
    await expect(b.append([record(2)])).rejects.toMatchObject({ code: "FENCED" });
  });

  test("a file that a replaced writer begins late does not look like damage", async () => {
    const dir = MemoryDirectory.empty();
    const old = await FileLog.open(dir, { epoch: 1 }, () => {});
    const current = await FileLog.open(dir, { epoch: 2 }, () => {});
    for (let n = 1; n <= 3; n++) await current.append([record(n)]);
    await current.rotate();
    await current.truncate(3);
    await expect(old.append([record(77)])).rejects.toMatchObject({ code: "FENCED" });
    await current.close();
    expect(await logFiles(dir)).toEqual(["log-000000000001-000001"]);
    expect(await replayed(dir, { after: 3, synced: 3 })).toEqual([]);
  });

  test("a batch that the disk had no room for is not taken back once another writer may have found it", async () => {
    const dir = MemoryDirectory.empty();
    const found: number[] = [];
    let next: FileLog | undefined;
    let full = false;
    const filling = interposed(dir, async () => {});
    const old = await FileLog.open(
      new Proxy(filling, {
        get(_, name) {
          if (name !== "create") return Reflect.get(filling, name);
          return async (path: string) => {
            const writer = await dir.create(path);
            const append = writer.append.bind(writer);
            writer.append = async (bytes) => {
              await append(bytes);
              if (!full) return;
              next = await FileLog.open(dir, { epoch: 2 }, (record) => found.push(record.bytes[0]));
              throw new VicinalError("DISK_FULL", "The disk is full");
            };
            return writer;
          };
        },
      }),
      { epoch: 1 },
      () => {},
    );
    await old.append([record(1)]);
    full = true;
    await expect(old.append([record(2)])).rejects.toMatchObject({ code: "FENCED" });
    expect(found).toEqual([1, 2]);
    await next?.append([record(3)]);
    await next?.close();
    expect(await replayed(dir)).toEqual([1, 2, 3].map((n) => [n, [n]]));
  });

  test.each([0, 1000])(
    "whenever it is replaced, what it acknowledged is found (interval %d)",
    async (interval) => {
      const options = { epoch: 1, syncIntervalMs: interval };
      const outcomes = new Set<boolean>();
      for (let stop = 0; ; stop++) {
        const dir = MemoryDirectory.empty();
        let steps = -1;
        let next: FileLog | undefined;
        const found: number[] = [];
        const step = async () => {
          if (steps < 0 || steps++ !== stop) return;
          next = await FileLog.open(dir, { epoch: 2 }, ({ bytes }) => found.push(bytes[0]));
        };
        const old = await FileLog.open(interposed(dir, step), options, () => {});
        await old.append([record(1)]);
        steps = 0;
        const acknowledged = await old.append([record(2)]).then(
          () => true,
          ({ code }) => code !== "FENCED",
        );
        if (!next) break;
        outcomes.add(acknowledged);
        if (acknowledged) expect(found, `replaced before step ${stop}`).toEqual([1, 2]);
        else expect(found[0]).toBe(1);
        expect(await next.append([record(3)])).toBe(found.length + 1);
        await old.close().catch(() => {});
        await next.close();
        expect((await replayed(dir)).map(([, [n]]) => n)).toEqual([...found, 3]);
      }
      expect(outcomes).toEqual(new Set([true, false]));
    },
  );
});

/** A view of the directory whose writers sync by `sync`; `writers` are those that were made, the last one last. */
function withSync(dir: MemoryDirectory, sync: () => Promise<void>) {
  const writers: FileWriter[] = [];
  const kept = async (opening: Promise<FileWriter>) => {
    const writer = Object.assign(await opening, { sync });
    writers.push(writer);
    return writer;
  };
  const { create, reopen } = dir;
  dir.create = (path) => kept(create.call(dir, path));
  dir.reopen = (path, length) => kept(reopen.call(dir, path, length));
  return { dir, writers };
}

/** The directory, where `step` happens before each thing that is done to it. */
function interposed(dir: MemoryDirectory, step: () => Promise<void>): Directory {
  const before = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return async (...values: unknown[]) => {
          await step();
          const result: unknown = await member.apply(target, values);
          if (name === "create" || name === "reopen") return before(result as object);
          // The answer is on its way.
          await step();
          return result;
        };
      },
    });
  return before(dir);
}

describe("FileLog and damage", () => {
  const path = "log-000000000001-000001";

  test("any flipped bit before the last group is CORRUPTION that names file and offset", async () => {
    const batches = [[record(1, 2, 3), record()], [record(4)], [record(5)]];
    const whole = await written(batches.slice(0, 2));
    const size = (await whole.size(path))!;
    const dir = await written(batches);
    for (let bit = 0; bit < size * 8; bit++) {
      const damaged = await changed(dir, path, (bytes) => flip(bytes, bit));
      await expect(replayed(damaged), `bit ${bit}`).rejects.toMatchObject({
        code: "CORRUPTION",
        message: expect.stringMatching(new RegExp(`${path} at offset \\d+`)),
      });
      expect(await damaged.size(path), "left as it was").toBe(await dir.size(path));
    }
  });

  test("any flipped bit in a file that is not the last is CORRUPTION", async () => {
    const dir = await written([[record(3)]], await written([[record(1), record(2)]]));
    const size = (await dir.size(path))!;
    for (let bit = 0; bit < size * 8; bit++) {
      const damaged = await changed(dir, path, (bytes) => flip(bytes, bit));
      await expect(replayed(damaged), `bit ${bit}`).rejects.toMatchObject({
        code: "CORRUPTION",
        message: expect.stringContaining(path),
      });
    }
  });

  test("a torn tail is cut at any byte, to whole batches, and writing goes on", async () => {
    const batches = [[record(1)], [record(2), record(3)]];
    const firstEnd = (await (await written(batches.slice(0, 1))).size(path))!;
    const dir = await written(batches);
    const size = (await dir.size(path))!;
    for (let length = 0; length < size; length++) {
      const torn = await changed(dir, path, (bytes) => bytes.subarray(0, length));
      const kept = length < firstEnd ? [] : [[1, [1]]];
      expect(await replayed(torn), `cut at ${length}`).toEqual(kept);
      expect(await torn.size(path)).toBe(kept.length === 0 ? undefined : firstEnd);
      await written([[record(9)]], torn);
      expect(await replayed(torn)).toEqual([...kept, [kept.length + 1, [9]]]);
    }
  });

  test("zeros and foreign bytes after the end are a torn tail", async () => {
    const dir = await written([[record(1)]]);
    const other = await written([[record(1)], [record(2)], [record(3)]], MemoryDirectory.empty());
    const foreign = await other.read(path, 32, (await other.size(path))! - 32);
    const renamed = logFileName(1, 2);
    const stale = MemoryDirectory.empty();
    const writer = await stale.create(renamed.path);
    await writer.append(Uint8Array.from([...encodeHeader(renamed), ...foreign]));
    expect(await replayed(stale), "frames of another file do not count").toEqual([]);
    for (const tail of [new Uint8Array(5000), foreign.subarray(0, 24), new Uint8Array(77).fill(255)]) {
      const torn = await changed(dir, path, (bytes) => Uint8Array.from([...bytes, ...tail]));
      expect(await replayed(torn)).toEqual([[1, [1]]]);
    }
  });

  test("a missing file is CORRUPTION, the first or one in between", async () => {
    const dir = await written([[record(3)]], await written([[record(2)]], await written([[record(1)]])));
    const [first, second] = await dir.list();
    for (const path of [first, second]) {
      const holed = await changed(dir, "", (bytes) => bytes);
      await holed.delete(path);
      await expect(replayed(holed)).rejects.toMatchObject({
        code: "CORRUPTION",
        message: expect.stringContaining("records are missing"),
      });
    }
  });

  test("a log that ends before what was known to be synced is CORRUPTION, and is left as it was", async () => {
    const dir = await written([[record(1)], [record(2)]]);
    expect(await replayed(await changed(dir, "", (bytes) => bytes), { synced: 2 })).toHaveLength(2);
    const cut = await changed(dir, path, (bytes) => bytes.subarray(0, -1));
    const size = await cut.size(path);
    await expect(replayed(cut, { synced: 2 })).rejects.toMatchObject({
      code: "CORRUPTION",
      message: expect.stringContaining(path),
    });
    expect(await cut.size(path)).toBe(size);
    expect(await replayed(cut, { synced: 1 })).toEqual([[1, [1]]]);
    await expect(replayed(MemoryDirectory.empty(), { synced: 1 })).rejects.toMatchObject({
      code: "CORRUPTION",
    });
    expect(await replayed(MemoryDirectory.empty(), { synced: 1, after: 1 })).toEqual([]);
  });

  test("a log of a later format is refused by name, not taken for torn", async () => {
    const dir = await written([[record(1)]]);
    const later = await changed(dir, path, (bytes) => {
      bytes[8] = 2;
      new DataView(bytes.buffer).setUint32(28, crc32c(bytes.subarray(0, 28)), true);
      return bytes;
    });
    await expect(replayed(later)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("format 2"),
    });
    expect(await later.size(path)).toBe(await dir.size(path));
  });
});
