/** An ObjectStore and a Pointer that do what networks do: late, lost, doubled, cut and out of date, by a seed. */
import { setTimeout as sleep } from "node:timers/promises";
import { VicinalError } from "vicinal/shard";
import type { ObjectStore } from "./object-store.js";
import type { Pointer } from "./pointer.js";

/** Shares of calls, 0 to 1; each defaults to 0. */
export interface Faults {
  /** Waits up to so many milliseconds before each call. */
  delayMs?: number;
  /** Fails, and nothing has happened. */
  failBefore?: number;
  /** Fails, though it has happened. */
  failAfter?: number;
  /** A put or delete happens once more, some time later. */
  duplicate?: number;
  /** A read gives fewer bytes than it says. */
  truncate?: number;
  /** A listing is as it was some calls ago. */
  stale?: number;
}

export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function failure(what: string): VicinalError {
  return new VicinalError("IO", `Made to fail: ${what}`);
}

export class FaultyStore implements ObjectStore {
  readonly location: string;
  faults: Faults;
  /** Calls so far, e.g. to fail each in turn. */
  calls = 0;
  /** Fails the call of this number, from 1 on. */
  failAt?: { call: number; when: "before" | "after" };
  #listed: { key: string; size: number }[] | undefined;
  #late: Promise<unknown>[] = [];

  constructor(
    readonly inner: ObjectStore,
    faults: Faults = {},
    readonly random: () => number = Math.random,
  ) {
    this.location = inner.location;
    this.faults = faults;
  }

  put(key: string, bytes: Uint8Array): Promise<void> {
    const copy = bytes.slice();
    return this.#call(`put ${key}`, () => this.inner.put(key, copy), true);
  }

  async get(key: string, range?: { offset: number; length: number }): Promise<Uint8Array> {
    const bytes = await this.#call(`get ${key}`, () => this.inner.get(key, range));
    return this.random() < (this.faults.truncate ?? 0)
      ? bytes.subarray(0, Math.floor(bytes.length * this.random()))
      : bytes;
  }

  async *list(prefix: string): AsyncIterable<{ key: string; size: number }> {
    const now = await this.#call("list", async () => {
      const found: { key: string; size: number }[] = [];
      for await (const one of this.inner.list("")) found.push(one);
      return found;
    });
    const old = this.#listed && this.random() < (this.faults.stale ?? 0) ? this.#listed : now;
    this.#listed = old;
    for (const one of old) if (one.key.startsWith(prefix)) yield one;
  }

  delete(key: string): Promise<void> {
    return this.#call(`delete ${key}`, () => this.inner.delete(key), true);
  }

  /** Once what is late has come. */
  async settle(): Promise<void> {
    await Promise.all(this.#late.splice(0));
  }

  async close(): Promise<void> {}

  async #call<T>(what: string, work: () => Promise<T>, changes = false): Promise<T> {
    const call = ++this.calls;
    const { delayMs = 0, failBefore = 0, failAfter = 0, duplicate = 0 } = this.faults;
    const fails = (when: "before" | "after", share: number) =>
      (this.failAt?.call === call && this.failAt.when === when) || this.random() < share;
    if (delayMs > 0) await sleep(this.random() * delayMs);
    if (fails("before", failBefore)) throw failure(`before ${what}`);
    const result = await work();
    if (changes && this.random() < duplicate) this.#late.push(sleep(this.random() * 20).then(work, () => {}));
    if (fails("after", failAfter)) throw failure(`after ${what}`);
    return result;
  }
}

/** A pointer in memory. `swaps` and `faults` are for each handle; the value is shared by those made from one another. */
export class MemoryPointer implements Pointer {
  faults: Pick<Faults, "failBefore" | "failAfter"> = {};
  /** Fails the swap of this number, from 1 on, and with it the read that would tell. */
  failAt?: { call: number; when: "before" | "after" };
  calls = 0;
  /** False: nothing may be written through this handle any more. */
  mayWrite = true;

  constructor(
    readonly random: () => number = Math.random,
    readonly state: { revision: number; value?: string } = { revision: 0 },
  ) {}

  /** The same pointer for somebody else. */
  another(): MemoryPointer {
    return new MemoryPointer(this.random, this.state);
  }

  async read(): Promise<{ value: string; revision: string } | undefined> {
    await this.#step("read", "before");
    const { value, revision } = this.state;
    return value === undefined ? undefined : { value, revision: String(revision) };
  }

  async swap(revision: string | undefined, value: string): Promise<string> {
    this.calls++;
    await this.#step("swap", "before");
    const current = this.state.value === undefined ? undefined : String(this.state.revision);
    if (!this.mayWrite || revision !== current)
      throw new VicinalError("FENCED", `The pointer has revision ${current}, not ${revision}`);
    Object.assign(this.state, { value, revision: this.state.revision + 1 });
    const answer = String(this.state.revision);
    await this.#step("swap", "after");
    return answer;
  }

  async #step(what: string, when: "before" | "after"): Promise<void> {
    const share = (when === "before" ? this.faults.failBefore : this.faults.failAfter) ?? 0;
    const isTurn = what === "swap" && this.failAt?.call === this.calls && this.failAt.when === when;
    if (isTurn || this.random() < share) throw failure(`${when} ${what} of the pointer`);
  }
}
