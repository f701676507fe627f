/** A worker's task for tests: helps with work that counts, for each place, how often and by which kind it was done. */
import { help, type Perform, partStart } from "./crew.js";

export interface CountingWork {
  crew: Int32Array;
  /** A sum of 1 << (8 * kind) per place. */
  counts: Int32Array;
}

export function counting(counts: Int32Array): Perform {
  return (kind, first, count, part, parts) => {
    if (kind === 3) throw new Error("cannot");
    const end = first + partStart(count, part + 1, parts);
    for (let i = first + partStart(count, part, parts); i < end; i++) Atomics.add(counts, i, 1 << (8 * kind));
  };
}

export function run(input: unknown): void {
  const { crew, counts } = input as CountingWork;
  help(crew, counting(counts));
}
