/** A clock that jumps from event to event (milliseconds), and the queues that things wait in. */

export class Clock {
  now = 0;
  /** A binary heap by time. */
  readonly #times: number[] = [];
  readonly #actions: (() => void)[] = [];

  after(ms: number, action: () => void): void {
    this.#times.push(this.now + ms);
    this.#actions.push(action);
    this.#rise(this.#times.length - 1);
  }

  /** Until nothing is left to happen before `end`. */
  run(end: number): void {
    while (this.#times.length > 0 && this.#times[0] <= end) {
      this.now = this.#times[0];
      const action = this.#actions[0];
      const time = this.#times.pop() as number;
      const last = this.#actions.pop() as () => void;
      if (this.#times.length > 0) {
        this.#times[0] = time;
        this.#actions[0] = last;
        this.#sink();
      }
      action();
    }
    this.now = end;
  }

  #rise(at: number): void {
    for (let i = at; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (this.#times[parent] <= this.#times[i]) return;
      this.#swap(i, parent);
      i = parent;
    }
  }

  #sink(): void {
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < this.#times.length && this.#times[child] < this.#times[least]) least = child;
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }

  #swap(a: number, b: number): void {
    [this.#times[a], this.#times[b]] = [this.#times[b], this.#times[a]];
    [this.#actions[a], this.#actions[b]] = [this.#actions[b], this.#actions[a]];
  }
}

/** Servers that share one queue, first come first served. */
export class Station {
  busyMs = 0;
  #busy = 0;
  readonly #waiting: { ms: number; done: () => void }[] = [];
  #head = 0;

  constructor(
    readonly clock: Clock,
    readonly servers: number,
  ) {}

  /** Calls `done` after the wait and `ms` of work. */
  serve(ms: number, done: () => void): void {
    this.#waiting.push({ ms, done });
    this.#next();
  }

  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  #next(): void {
    while (this.#busy < this.servers && this.waiting > 0) {
      const { ms, done } = this.#waiting[this.#head++];
      if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
        this.#waiting.splice(0, this.#head);
        this.#head = 0;
      }
      this.#busy++;
      this.busyMs += ms;
      this.clock.after(ms, () => {
        this.#busy--;
        done();
        this.#next();
      });
    }
  }
}

/** Numbers between 0 and 1 that a seed gives. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** Times of which half lie below `p50` and 99 of 100 below `p99`: a lognormal distribution. */
export function lognormal(random: () => number, { p50, p99 }: { p50: number; p99: number }): () => number {
  const sigma = Math.log(p99 / p50) / 2.326;
  return () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return p50 * Math.exp(sigma * normal);
  };
}

export function exponential(random: () => number, mean: number): () => number {
  return () => -mean * Math.log(1 - random());
}
