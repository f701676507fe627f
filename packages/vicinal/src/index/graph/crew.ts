/**
 * A crew: threads that share the parts of a build that can be shared. The coordinator (the thread that runs the build's
 * steps) announces work in parts; it and as many helpers as there happen to be claim one part after the other. Parts
 * are cut the same for any number of helpers, and write to different places, so that the result is the same, too.
 *
 * What they agree on lies in one shared array of i32:
 *
 *   [ next part ][ end of parts ][ parts done ][ over ][ kind ][ first ][ count ][ number of parts ][ failed ]
 *
 * Parts are numbered through the whole build. A part is claimed by counting up `next part` while it is below the end,
 * and the description of the work is not changed before all its parts are done.
 */
import { assert } from "../../runtime/assert.js";

const NEXT = 0;
const END = 1;
const DONE = 2;
const OVER = 3;
const KIND = 4;
const FIRST = 5;
const COUNT = 6;
const PARTS = 7;
const FAILED = 8;
const WORDS = 9;

/** A helper that was not needed for so long goes home, and so does a coordinator's patience with a helper that is gone. */
const HELPER_MS = 1000;
const PATIENCE_MS = 60_000;

/** Does one of `parts` parts of the work on `count` nodes from place `first` on. */
export type Perform = (kind: number, first: number, count: number, part: number, parts: number) => void;

/** The array; shared where threads are to help. */
export function newCrew(shared: boolean): Int32Array {
  return new Int32Array(shared ? new SharedArrayBuffer(WORDS * 4) : new ArrayBuffer(WORDS * 4));
}

/** Has the work done; yields how many parts were claimed after each that the coordinator did itself. */
export function* share(
  crew: Int32Array,
  perform: Perform,
  work: { kind: number; first: number; count: number; parts: number },
): Generator<number, void> {
  crew[KIND] = work.kind;
  crew[FIRST] = work.first;
  crew[COUNT] = work.count;
  crew[PARTS] = work.parts;
  const end = Atomics.add(crew, END, work.parts) + work.parts;
  Atomics.notify(crew, END);
  while (claimPart(crew, perform)) yield Atomics.load(crew, NEXT) - (end - work.parts);
  for (;;) {
    const done = Atomics.load(crew, DONE);
    if (done === end) break;
    assert(Atomics.wait(crew, DONE, done, PATIENCE_MS) !== "timed-out", "helpers finish what they claim");
  }
  assert(Atomics.load(crew, FAILED) === 0, "helpers do what they claim");
}

/** Whether there are parts that nobody has claimed. */
export function hasWork(crew: Int32Array): boolean {
  return Atomics.load(crew, NEXT) < Atomics.load(crew, END);
}

/** Sends the helpers home. */
export function dismiss(crew: Int32Array): void {
  Atomics.store(crew, OVER, 1);
  Atomics.notify(crew, END);
}

/** A helper's life: claims parts until it is sent home, or was not needed for long. */
export function help(crew: Int32Array, perform: Perform): void {
  for (;;) {
    const end = Atomics.load(crew, END);
    while (Atomics.load(crew, OVER) === 0 && claimPart(crew, perform));
    if (Atomics.load(crew, OVER) !== 0) return;
    if (Atomics.wait(crew, END, end, HELPER_MS) === "timed-out") return;
  }
}

/** Claims a part and does it; false when there is none. */
function claimPart(crew: Int32Array, perform: Perform): boolean {
  for (;;) {
    const next = Atomics.load(crew, NEXT);
    if (next >= Atomics.load(crew, END)) return false;
    if (Atomics.compareExchange(crew, NEXT, next, next + 1) !== next) continue;
    // From here until the part is done the description cannot change.
    const parts = crew[PARTS];
    const part = next - (Atomics.load(crew, END) - parts);
    try {
      perform(crew[KIND], crew[FIRST], crew[COUNT], part, parts);
    } catch (error) {
      Atomics.store(crew, FAILED, 1);
      throw error;
    } finally {
      Atomics.add(crew, DONE, 1);
      Atomics.notify(crew, DONE);
    }
    return true;
  }
}

/** Where one of `parts` equal parts of `count` things begins. */
export function partStart(count: number, part: number, parts: number): number {
  return Math.floor((count * part) / parts);
}
