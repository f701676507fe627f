/** Doing again what may pass: a bounded number of times, each after a longer wait of random length. */
import { setTimeout as sleep } from "node:timers/promises";

export interface RetryOptions {
  /** How often in all. */
  attempts: number;
  /** The wait is between half of this and all of it, and twice as long each time. */
  delayMs: number;
  passes: (reason: unknown) => boolean;
}

const DELAY_MS_MAX = 5_000;

export async function retry<T>(
  work: () => Promise<T>,
  { attempts, delayMs, passes }: RetryOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (reason) {
      if (attempt >= attempts || !passes(reason)) throw reason;
    }
    await pause(delayMs, attempt);
  }
}

/** The wait after the attempt of that number, from 1 on. */
export async function pause(delayMs: number, attempt: number): Promise<void> {
  const longest = Math.min(DELAY_MS_MAX, delayMs * 2 ** (attempt - 1));
  await sleep(longest * (0.5 + Math.random() / 2));
}
