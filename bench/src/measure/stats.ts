/** Medians, percentiles and the clock of the measurements. */
import { setTimeout as sleep } from "node:timers/promises";

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value below which `share` of the values lie, by nearest rank. */
export function percentile(values: ArrayLike<number>, share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

export interface Elapsed {
  wallSeconds: number;
  /** User and system time of all threads of this process. */
  cpuSeconds: number;
}

/** Starts a clock; the function that it gives reads it. */
export function clock(): () => Elapsed {
  const cpu = process.cpuUsage();
  const wall = performance.now();
  return () => {
    const used = process.cpuUsage(cpu);
    return { wallSeconds: (performance.now() - wall) / 1000, cpuSeconds: (used.user + used.system) / 1e6 };
  };
}

let sunk: unknown;

/** Keeps a result reachable, so that no engine's work can be left out by the compiler. */
export function consume(value: unknown): void {
  sunk = value;
}

/** The last consumed result; read once at the end of a run, so that `consume` has a reader. */
export function lastConsumed(): unknown {
  return sunk;
}

/** Milliseconds in which threads that have nothing to do may end. */
const REST_MS = 3000;

/** Bytes that this process holds in memory after a rest, and after collections where Node allows them. */
export async function residentBytes(): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  await sleep(REST_MS);
  gc?.();
  await sleep(100);
  return process.memoryUsage().rss;
}
