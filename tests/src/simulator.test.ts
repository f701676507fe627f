/** What was acknowledged is there, after stops at every step and under every fault: simulator/schedule.ts. */
import { expect, test } from "vitest";
import { type Plan, runSchedule, type Tally } from "./simulator/schedule.js";

const SCHEDULES = Number(process.env.VICINAL_SCHEDULES ?? 400);
const SEED = Number(process.env.VICINAL_SEED ?? 1);

async function total(plans: Iterable<Plan>): Promise<Tally & { schedules: number }> {
  const sum = { schedules: 0, crashes: 0, faults: 0, acknowledged: 0, steps: 0 };
  for (const plan of plans) {
    const tally = await runSchedule(plan);
    sum.schedules++;
    for (const key of ["crashes", "faults", "acknowledged", "steps"] as const) sum[key] += tally[key];
  }
  return sum;
}

function* randomPlans(): Iterable<Plan> {
  for (let i = 0; i < SCHEDULES; i++) yield { seed: SEED + i, stopAt: (i * 7919) % 150, faults: i % 2 === 1 };
}

test("nothing acknowledged is lost", { timeout: 0 }, async () => {
  const { schedules, crashes, faults, acknowledged } = await total(randomPlans());
  console.log(
    `simulator: ${schedules} schedules, ${crashes} crashes, ${faults} faults, ${acknowledged} acknowledged writes checked, lost 0, seed ${SEED}`,
  );
  expect(crashes).toBeGreaterThan(0);
});
