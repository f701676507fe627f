/** Answers by endpoint and status: how many, and how long they took. */

export interface Tally {
  count: number;
  /** Milliseconds from arrival to answer. */
  sumMs: number;
  leastMs: number;
  mostMs: number;
  /** When the last of them was given. */
  lastAt: Date;
}

export type Tallies = Map<string, Map<number, Tally>>;

export class RequestTally {
  readonly all: Tallies = new Map();
  /** By collection, of requests about one. */
  readonly byCollection = new Map<string, Tallies>();

  /**
   * @param endpoint Method and path pattern, `PUT /collections/{collection_name}`, or the name of a gRPC method.
   * @param collection Empty where the request is about none. Only answers, not refusals, count by collection, lest names that are
   *   made up fill the memory.
   */
  add(endpoint: string, status: number, durationMs: number, isAnswered: boolean, collection = ""): void {
    count(this.all, endpoint, status, durationMs);
    if (collection === "" || !isAnswered) return;
    const tallies = this.byCollection.get(collection) ?? new Map();
    this.byCollection.set(collection, tallies);
    count(tallies, endpoint, status, durationMs);
  }

  /** Forgets the collections that are gone. */
  keep(collections: ReadonlySet<string>): void {
    for (const name of this.byCollection.keys()) if (!collections.has(name)) this.byCollection.delete(name);
  }
}

function count(tallies: Tallies, endpoint: string, status: number, durationMs: number): void {
  const byStatus = tallies.get(endpoint) ?? new Map<number, Tally>();
  tallies.set(endpoint, byStatus);
  const tally = byStatus.get(status);
  if (tally === undefined) {
    byStatus.set(status, {
      count: 1,
      sumMs: durationMs,
      leastMs: durationMs,
      mostMs: durationMs,
      lastAt: new Date(),
    });
    return;
  }
  tally.count++;
  tally.sumMs += durationMs;
  tally.leastMs = Math.min(tally.leastMs, durationMs);
  tally.mostMs = Math.max(tally.mostMs, durationMs);
  tally.lastAt = new Date();
}
