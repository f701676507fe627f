/**
 * Time of searches, measured so that other work on the machine meets all candidates alike: they take turns, round by
 * round, and the median of the rounds counts.
 */
import { threadCpuMs } from "#platform/clock.js";
import { throwIfCancelled, yieldToOthers } from "../runtime/cancel.js";

/** The first of them warms up. */
const ROUNDS = 6;
/** A turn takes so much processor time, so that its ticks are fine enough; on a busy machine so long at most. */
const TURN_CPU_MS = 50;
const TURN_MS = 250;
/** Milliseconds between two looks at the clock of processor time, which is slower than the other. */
const LOOK_MS = 10;

export interface Timed {
  cpuUs: number;
  medianUs: number;
  p95Us: number;
}

/** Each function runs the search of query i, 0 <= i < queries. */
export async function timeInTurns(
  searches: readonly ((i: number) => unknown)[],
  queries: number,
  progress: (share: number) => void,
  signal: AbortSignal | undefined,
): Promise<Timed[]> {
  const samples = searches.map((): Timed[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, search] of searches.entries()) {
      const sample = turn(search, queries);
      if (round > 0) samples[i].push(sample);
      progress((round * searches.length + i + 1) / (ROUNDS * searches.length));
      await yieldToOthers();
      throwIfCancelled(signal);
    }
  }
  return samples.map((rounds) => ({
    cpuUs: median(rounds.map(({ cpuUs }) => cpuUs)),
    medianUs: median(rounds.map(({ medianUs }) => medianUs)),
    p95Us: median(rounds.map(({ p95Us }) => p95Us)),
  }));
}

/** The queries one after the other, again and again until the turn is over. */
function turn(search: (i: number) => unknown, queries: number): Timed {
  const latencies: number[] = [];
  const cpu = threadCpuMs();
  const started = performance.now();
  let last = started;
  let look = started + LOOK_MS;
  for (;;) {
    search(latencies.length % queries);
    const now = performance.now();
    latencies.push((now - last) * 1000);
    last = now;
    if (now < look) continue;
    if (threadCpuMs() - cpu >= TURN_CPU_MS || now - started >= TURN_MS) break;
    look = now + LOOK_MS;
    last = performance.now();
  }
  // Where the clock of processor time ticks too slowly to have moved, the other one stands for it.
  const cpuMs = threadCpuMs() - cpu || last - started;
  const cpuUs = (cpuMs * 1000) / latencies.length;
  const sorted = Float64Array.from(latencies).sort();
  return { cpuUs, medianUs: percentile(sorted, 0.5), p95Us: percentile(sorted, 0.95) };
}

function median(values: number[]): number {
  return percentile(Float64Array.from(values).sort(), 0.5);
}

/** By nearest rank. */
function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}
