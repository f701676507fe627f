/** The crash rule, at every step: an acknowledged prefix, at most what was in flight, never half a batch. */
import { describe, expect, test } from "vitest";
import { FileLog } from "./log.js";
import { randomFrom, SimulatedDisk, Stopped } from "./simulated-disk.test.helper.js";

const HISTORIES = 12;
const LIVES = 3;

/** What record `sequence` must hold, in a life that began with seed `salt`. */
function content(sequence: number, salt: number): Uint8Array {
  const random = randomFrom(sequence * 31 + salt);
  const length = Math.floor(random() ** 3 * 300);
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

/** What a process knows, and what is found out after it. */
class History {
  /** Salt of the life that wrote each record; index is the sequence number. */
  salts: number[] = [0];
  /** Last sequence number of every batch ever attempted. */
  batchEnds = new Set<number>([0]);
  acknowledged = 0;
  checkpoint = 0;
}

async function live(disk: SimulatedDisk, history: History, random: () => number, syncIntervalMs: number) {
  const found = history.checkpoint;
  let last = found;
  const log = await FileLog.open(
    disk,
    { after: history.checkpoint, syncIntervalMs },
    ({ sequence, bytes }) => {
      expect(sequence).toBe(last + 1);
      expect(bytes).toEqual(content(sequence, history.salts[sequence]));
      expect(bytes.byteOffset % 8).toBe(0);
      last = sequence;
    },
  );
  expect(log.next).toBe(last + 1);
  expect(history.batchEnds.has(last), `half a batch: the log ends at ${last}`).toBe(true);
  if (syncIntervalMs === 0) expect(last).toBeGreaterThanOrEqual(history.acknowledged);
  // Shown to readers from here on: it must not go again.
  history.acknowledged = last;
  history.salts.length = last + 1;
  for (const end of history.batchEnds) if (end > last) history.batchEnds.delete(end);

  const salt = Math.floor(random() * 1e9);
  for (let step = 0; step < 8; step++) {
    const batches = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
      const first = log.next;
      const count = 1 + Math.floor(random() * 4);
      for (let i = 0; i < count; i++) history.salts.push(salt);
      history.batchEnds.add(first + count - 1);
      return log.append(Array.from({ length: count }, (_, i) => content(first + i, salt))).then((given) => {
        expect(given).toBe(first);
        history.acknowledged = Math.max(history.acknowledged, first + count - 1);
      });
    });
    const outcomes = await Promise.allSettled(batches);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    if (random() < 0.3) await log.rotate();
    if (random() < 0.2) {
      const upTo =
        history.checkpoint + Math.floor(random() * (history.acknowledged - history.checkpoint + 1));
      // A checkpoint holds synced records only.
      if (syncIntervalMs > 0) await log.rotate();
      history.checkpoint = upTo;
      await log.truncate(upTo);
    }
  }
  await log.close();
}

async function crashAtEveryStep(seed: number, syncIntervalMs: number): Promise<number> {
  let crashes = 0;
  for (let stopAt = 0; ; stopAt++) {
    const random = randomFrom(seed * 1000 + stopAt);
    const history = new History();
    let disk = new SimulatedDisk(random, { sectorBytes: 64 });
    let isCut = false;
    for (let life = 0; life < LIVES; life++) {
      disk.stopAt = life === 0 ? stopAt : Math.floor(random() * 25);
      try {
        await live(disk, history, random, syncIntervalMs);
      } catch (error) {
        const cause = error instanceof Error && error.cause instanceof Stopped ? error.cause : error;
        if (!(cause instanceof Stopped))
          throw new Error(`seed ${seed}, stop at ${stopAt}, life ${life}`, { cause: error });
        crashes++;
        isCut ||= life === 0;
      }
      disk = random() < 0.7 ? disk.afterCrash() : disk.afterKill();
    }
    disk.stopAt = Number.POSITIVE_INFINITY;
    await live(disk, history, random, syncIntervalMs);
    if (!isCut) return crashes;
  }
}

describe("the log after power cuts and kills", () => {
  test.each([
    ["synced before acknowledging", 0],
    ["synced later", 1_000_000],
  ])("%s", async (_, syncIntervalMs) => {
    let crashes = 0;
    for (let seed = 1; seed <= HISTORIES; seed++) crashes += await crashAtEveryStep(seed, syncIntervalMs);
    expect(crashes).toBeGreaterThan(HISTORIES * 10);
  });
});

test("what an opening has shown stays, though a sync before it failed and the system dropped the bytes", async () => {
  let shown = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const disk = new SimulatedDisk(randomFrom(seed));
    const log = await FileLog.open(disk, {}, () => {});
    await log.append([content(1, 0)]);
    disk.fails = (operation) => operation === "sync";
    await expect(log.append([content(2, 0), content(3, 0)])).rejects.toMatchObject({ code: "IO" });
    disk.fails = () => false;

    const after = disk.afterKill();
    const first: number[] = [];
    const second = await FileLog.open(after, {}, ({ sequence }) => void first.push(sequence));
    const acknowledged = await second.append([content(second.next, 1)]);
    if (first.length === 3) shown++;
    const found: number[] = [];
    await FileLog.open(after.afterCrash(), {}, ({ sequence }) => void found.push(sequence));
    expect(found, `seed ${seed}`).toEqual([...first, acknowledged]);
  }
  expect(shown).toBeGreaterThan(10);
});
