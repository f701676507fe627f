/**
 * Writer: the one way by which a collection changes. Operations wait in a queue; the writer takes as many as fit a
 * group, resolves them in order, appends their records to the log with one sync, publishes them, and only then
 * answers. While a group is being synced the next one gathers.
 *
 *   resolve -> encode -> append + sync -> publish -> acknowledge
 *
 * An operation is resolved against the published state and what waits before it in the same group (write-view.ts). One
 * that reads the state past that view begins a group of its own.
 */
import { VicinalError } from "../runtime/errors.js";
import type { Log } from "../storage/log.js";
import { GROUP_BYTES } from "./defaults.js";
import { type Effect, encodeRecord } from "./effects.js";
import type { CollectionState } from "./state.js";
import { WriteView } from "./write-view.js";

export interface Operation {
  /** What its sender calls it: one that was done lately is answered as it was then (operation-window.ts). */
  id?: string;
  /** True when `resolve` reads more of the state than points, such as the configuration. */
  readsState: boolean;
  /** Turns the operation into effects, or throws; nothing has changed then. A promise where vectors are read from files. */
  resolve(view: WriteView): Effect[] | Promise<Effect[]>;
}

interface Waiting {
  operation: Operation;
  done(sequence: number): void;
  failed(reason: unknown): void;
}

export class Writer {
  readonly #state: CollectionState;
  readonly #log: Log;
  /** Awaited before each group; holds writes back while the optimizer is too far behind. */
  readonly #admit: () => Promise<void> | undefined;
  readonly #wrote: (effects: readonly Effect[], bytes: number) => void;
  readonly #published: () => void;
  readonly #now: () => number;
  #queue: Waiting[] = [];
  #running: Promise<void> | undefined;
  #closed = false;
  #broken: VicinalError | undefined;

  constructor(
    state: CollectionState,
    log: Log,
    admit: () => Promise<void> | undefined,
    wrote: (effects: readonly Effect[], bytes: number) => void,
    published: () => void,
    now: () => number,
  ) {
    this.#state = state;
    this.#log = log;
    this.#admit = admit;
    this.#wrote = wrote;
    this.#published = published;
    this.#now = now;
  }

  /** Operations that wait, the group in flight not counted. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Resolves with the operation's sequence number once it is durable and visible. */
  write(operation: Operation): Promise<number> {
    if (this.#closed) return Promise.reject(new VicinalError("CLOSED", "The collection is closed"));
    if (this.#broken) return Promise.reject(this.#broken);
    return new Promise((done, failed) => {
      this.#queue.push({ operation, done, failed });
      this.#running ??= this.#run();
    });
  }

  /** From now on every operation is answered with `reason`. */
  refuse(reason: VicinalError): void {
    this.#broken ??= reason;
  }

  async #run(): Promise<void> {
    // Lets the callers of this turn of the event loop join the first group.
    await undefined;
    while (this.#queue.length > 0) {
      try {
        await this.#admit();
      } catch (reason) {
        for (const { failed } of this.#queue.splice(0)) failed(reason);
        break;
      }
      await this.#group();
    }
    this.#running = undefined;
  }

  async #group(): Promise<void> {
    const records: Uint8Array[] = [];
    const members: { waiting: Waiting; effects: Effect[] }[] = [];
    const now = this.#now();
    this.#state.expire(now);
    const view = new WriteView(this.#state, now, this.#log.next);
    let bytes = 0;
    let taken = 0;
    const named = new Set<string>();
    for (const waiting of this.#queue) {
      const { id } = waiting.operation;
      if (records.length > 0 && (waiting.operation.readsState || bytes >= GROUP_BYTES)) break;
      // The same twice: what comes of the first is known to the next group.
      if (id !== undefined && named.has(id)) break;
      taken++;
      const done = id === undefined ? undefined : this.#state.operations.get(id);
      if (done !== undefined) {
        waiting.done(done);
        continue;
      }
      try {
        const effects = await waiting.operation.resolve(view);
        if (id !== undefined) {
          effects.push({ kind: "operation", id });
          named.add(id);
        }
        const record = encodeRecord(now, effects);
        view.note(effects);
        view.sequence++;
        records.push(record);
        bytes += record.length;
        members.push({ waiting, effects });
      } catch (reason) {
        waiting.failed(reason);
      }
    }
    this.#queue.splice(0, taken);
    if (members.length === 0) return;
    let sequence: number;
    try {
      sequence = await this.#log.append(records);
    } catch (reason) {
      for (const { waiting } of members) waiting.failed(reason);
      return;
    }
    members.forEach(({ effects }, i) => {
      this.#wrote(effects, records[i].length);
    });
    for (const { waiting, effects } of members) {
      this.#publish(effects, sequence);
      if (this.#broken) waiting.failed(this.#broken);
      else waiting.done(sequence++);
    }
    this.#published();
  }

  /**
   * A record that is durable but cannot be published (memory ran out) is replayed by the next opening; until then
   * nothing may follow it.
   */
  #publish(effects: Effect[], sequence: number): void {
    if (this.#broken) return;
    try {
      this.#state.apply(effects, sequence);
    } catch (cause) {
      const message = `A write could not be published: ${cause instanceof Error ? cause.message : cause}`;
      this.#broken = new VicinalError("WRITES_REFUSED", message, {}, { cause });
    }
  }

  /** Waits for what was accepted, then refuses further writes. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }
}
