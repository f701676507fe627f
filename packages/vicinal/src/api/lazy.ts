/** Operations on collections that are opened when they are first needed. */

/** What the catalogue throws of a collection that it has begun to open; no caller of the API sees it. */
export class NotOpenYet extends Error {
  /** @param opened Resolves once the collection was opened, or could not be. */
  constructor(readonly opened: Promise<void>) {
    super("The collection is being opened");
  }
}

/**
 * What `run` gives, run again whenever a collection that it needs had first to be opened. That is found before an operation
 * changes or answers anything, so that nothing happens twice; it may need several (look-ups in other collections).
 */
export async function onceOpen(run: () => unknown): Promise<unknown> {
  for (;;) {
    try {
      return await run();
    } catch (reason) {
      if (!(reason instanceof NotOpenYet)) throw reason;
      await reason.opened;
    }
  }
}
