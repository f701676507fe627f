/**
 * What was acknowledged is there, after stops at every step and under every fault: see simulator/schedule.ts and
 * docs/durability.md. VICINAL_SCHEDULES: how many; VICINAL_SEED: of the first; VICINAL_SCHEDULE: one alone, as a failure names it.
 */
import type { Directory, FileWriter } from "vicinal";
import { expect, test } from "vitest";
import { type Plan, planNamed, runSchedule, type Tally } from "./simulator/schedule.js";

const { VICINAL_SCHEDULES = "2000", VICINAL_SEED = "1", VICINAL_SCHEDULE } = process.env;
const SCHEDULES = Number(VICINAL_SCHEDULES);
const SEED = Number(VICINAL_SEED);
/** Of all schedules, those that stop a workload at one step after the other. */
const EVERY_STEP_SHARE = 0.5;

/** Plans until there are enough: every step of the workload of one seed, then of the next. */
async function everyStep(count: number, run: (plan: Plan) => Promise<Tally>): Promise<void> {
  for (let seed = SEED, done = 0; done < count; seed++) {
    const { steps } = await run({ seed, lives: 1 });
    for (let stopAt = 0; stopAt < steps && done < count; stopAt++, done++)
      await run({ seed, stopAt, lives: 2 });
  }
}

async function anyStep(count: number, run: (plan: Plan) => Promise<Tally>): Promise<void> {
  for (let i = 0; i < count; i++)
    await run({
      seed: SEED + 1_000_000 + i,
      stopAt: i % 3 === 0 ? undefined : (i * 7919) % 150,
      faults: i % 4 !== 0,
    });
}

test("nothing acknowledged is lost", { timeout: 0 }, async () => {
  const sum = { schedules: 0, crashes: 0, faults: 0, acknowledged: 0, expired: 0, conflicts: 0 };
  const run = async (plan: Plan) => {
    const tally = await runSchedule(plan);
    sum.schedules++;
    for (const key of ["crashes", "faults", "acknowledged", "expired", "conflicts"] as const)
      sum[key] += tally[key];
    return tally;
  };
  if (VICINAL_SCHEDULE) await run(planNamed(VICINAL_SCHEDULE));
  else {
    await everyStep(SCHEDULES * EVERY_STEP_SHARE, run);
    await anyStep(SCHEDULES * (1 - EVERY_STEP_SHARE), run);
    expect(sum.crashes).toBeGreaterThan(SCHEDULES / 2);
    expect(sum.faults).toBeGreaterThan(SCHEDULES / 4);
    expect(sum.expired).toBeGreaterThan(SCHEDULES / 2);
    expect(sum.conflicts).toBeGreaterThan(SCHEDULES / 10);
  }
  const { schedules, crashes, faults, acknowledged, expired, conflicts } = sum;
  console.log(
    `simulator: ${schedules} schedules, ${crashes} crashes, ${faults} faults, ${acknowledged} acknowledged writes checked, ${expired} points expired, ${conflicts} writes for other versions refused, lost 0, seed ${VICINAL_SEED}`,
  );
});

/** Says that everything is durable, and lets nothing become it. */
function withoutSync(dir: Directory, lies: (path: string) => boolean): Directory {
  const lying = async (path: string, opening: Promise<FileWriter>): Promise<FileWriter> => {
    const writer = await opening;
    return lies(path) ? Object.assign(Object.create(writer), { sync: async () => {} }) : writer;
  };
  return Object.assign(Object.create(dir), {
    folder: (path: string) => withoutSync(dir.folder(path), lies),
    create: (path: string) => lying(path, dir.create(path)),
    reopen: (path: string, length: number) => lying(path, dir.reopen(path, length)),
    // Methods with private fields need their own object.
    list: () => dir.list(),
    size: (path: string) => dir.size(path),
    read: (path: string, offset: number, length: number) => dir.read(path, offset, length),
    readInto: (path: string, offset: number, target: Uint8Array) => dir.readInto(path, offset, target),
    delete: (path: string) => dir.delete(path),
  });
}

test.each(["log", "manifest", "rows", "deletes"])(
  "a disk that lies about syncing is found out: %s",
  async (kind) => {
    const lies = (path: string) => path.split("/").at(-1)?.startsWith(`${kind}-`) ?? false;
    const attempts = async () => {
      for (let seed = 1; seed <= 60; seed++)
        await runSchedule({ seed, stopAt: (seed * 7919) % 150, wrap: (disk) => withoutSync(disk, lies) });
    };
    await expect(attempts()).rejects.toThrow(/^VICINAL_SCHEDULE=/);
  },
);
