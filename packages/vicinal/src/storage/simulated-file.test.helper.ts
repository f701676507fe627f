/** What becomes of the bytes of one file of a SimulatedDisk. */

/** A small generator of numbers in 0..1 (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Byte arrays are never changed, but replaced. */
export interface SimulatedFile {
  /** What reading finds. */
  bytes: Uint8Array;
  /** What is on the disk for sure. */
  synced: Uint8Array;
  /** Parts that a failed sync has dropped: on the disk is this, whatever is synced later. */
  dropped: { start: number; bytes: Uint8Array }[];
}

/** What a sync that succeeds puts on the disk. */
export function withoutDropped({ bytes, dropped }: SimulatedFile): Uint8Array {
  if (dropped.length === 0) return bytes;
  const kept = bytes.slice();
  for (const part of dropped)
    if (part.start < kept.length) kept.set(part.bytes.subarray(0, kept.length - part.start), part.start);
  return kept;
}

/** What a power cut may leave: the old, the new, or any mixture of their sectors, of any length between. */
export function survivingBytes(file: SimulatedFile, sectorBytes: number, random: () => number): Uint8Array {
  const { synced } = file;
  const bytes = withoutDropped(file);
  if (bytes === synced) return synced;
  const fate = random();
  if (fate < 0.2) return synced;
  if (fate < 0.4) return bytes;
  const [least, most] = [Math.min(synced.length, bytes.length), Math.max(synced.length, bytes.length)];
  const length = fate < 0.7 ? least + Math.floor(random() * (most - least + 1)) : most;
  const kept = new Uint8Array(length);
  kept.set(bytes.subarray(0, length));
  const older = new Uint8Array(length);
  older.set(synced.subarray(0, length));
  const share = fate < 0.55 ? 0 : 0.4;
  for (let start = 0; start < length; start += sectorBytes) {
    const end = Math.min(start + sectorBytes, length);
    if (random() < share || start >= bytes.length) kept.set(older.subarray(start, end), start);
  }
  return kept;
}
