/**
 * Work that seldom has to wait, as a generator that yields a promise where it must. Where it never does, it is run
 * through at once, without a turn of the event loop.
 */
export type Waiting<T> = Generator<Promise<unknown>, T, unknown>;

/** Within such work: the value that a promise comes to. */
export function* waitFor<T>(promise: Promise<T>): Waiting<T> {
  return (yield promise) as T;
}

/** The result, or a promise of it when the work had to wait. */
export function runWaiting<T>(work: Waiting<T>): T | Promise<T> {
  const step = work.next();
  return step.done ? step.value : goOn(work, step.value);
}

async function goOn<T>(work: Waiting<T>, first: Promise<unknown>): Promise<T> {
  for (let waited = first; ; ) {
    let step: IteratorResult<Promise<unknown>, T>;
    try {
      const value = await waited;
      step = work.next(value);
    } catch (reason) {
      step = work.throw(reason);
    }
    if (step.done) return step.value;
    waited = step.value;
  }
}
