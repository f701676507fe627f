/**
 * OperationWindow: the identifiers of the last operations that their senders named, and what came of them. One that arrives
 * again, since its answer was lost on the way, is answered the same and not done twice.
 *
 * It is part of the state: filled by the log, saved in the manifest, the same on every replica.
 */

/** Older ones are forgotten: whoever repeats an operation does so soon. */
export const WINDOW = 4096;

export class OperationWindow {
  readonly #sequences = new Map<string, number>();

  constructor(saved: readonly [string, number][] = []) {
    for (const [id, sequence] of saved) this.add(id, sequence);
  }

  /** Sequence number under which the operation was done. */
  get(id: string): number | undefined {
    return this.#sequences.get(id);
  }

  add(id: string, sequence: number): void {
    // Replay may meet what the manifest holds: its place stays.
    if (!this.#sequences.has(id) && this.#sequences.size === WINDOW)
      this.#sequences.delete(this.#sequences.keys().next().value as string);
    this.#sequences.set(id, sequence);
  }

  /** Those of the writes up to `sequence`, oldest first. */
  list(sequence: number): [string, number][] {
    return [...this.#sequences].filter(([, done]) => done <= sequence);
  }
}
