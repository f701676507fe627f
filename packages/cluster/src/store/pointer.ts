/** Pointer: one small value that counts, changed by compare-and-set. The cluster keeps it in etcd, fenced by a shard's owner. */
export interface Pointer {
  /** Linearizable. */
  read(): Promise<{ value: string; revision: string } | undefined>;
  /**
   * Puts `value` in the place of the one of `revision` (undefined: of none) and resolves to the new revision. FENCED where
   * another counts meanwhile, or the caller may not write any more. After any other failure nobody knows whether it counts.
   */
  swap(revision: string | undefined, value: string): Promise<string>;
}
