/**
 * ObjectStore: where every byte lies that must survive. Objects are immutable: a key is written once, though perhaps several
 * times with the same bytes. Listings may be stale and are trusted for nothing but the collection of garbage.
 */
export interface ObjectStore {
  /** For messages. */
  readonly location: string;
  /** Resolves when the object is durable. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** The whole object, or `length` bytes from `offset`. FILE_NOT_FOUND; CORRUPTION where it is shorter. */
  get(key: string, range?: { offset: number; length: number }): Promise<Uint8Array>;
  /** All whose keys begin with `prefix`, in no order that could be relied on. */
  list(prefix: string): AsyncIterable<{ key: string; size: number }>;
  /** Absent is fine. */
  delete(key: string): Promise<void>;
  close(): Promise<void>;
}
