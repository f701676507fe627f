/**
 * CRC-32C (Castagnoli), the checksum of every stored byte.
 *
 * Slicing-by-16 after Kounavis & Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC
 * Generation" (2008): sixteen tables of 256 entries advance the remainder by sixteen bytes per step, with
 * look-ups that do not depend on one another. Table k maps a byte to its remainder after k more zero bytes.
 * Words are read through Uint32Array, so bytes before the first 4-byte boundary go one by one. Assumes a
 * little-endian machine, as WebAssembly does.
 */

/** 0x1EDC6F41 with its bits reversed. */
const POLYNOMIAL = 0x82f63b78;
const SLICES = 16;
/** Below this many bytes, making the word view costs more than it saves. */
const BYTEWISE_LIMIT = 48;

const table = makeTable();

function makeTable(): Int32Array {
  const entries = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) {
      remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
    }
    entries[byte] = remainder;
  }
  for (let i = 256; i < entries.length; i++) {
    const shorter = entries[i - 256];
    entries[i] = (shorter >>> 8) ^ entries[shorter & 255];
  }
  return entries;
}

/**
 * The checksum of `bytes` as an unsigned 32-bit integer. To go on where an earlier call ended, give its result
 * as `previous`: `crc32c(b, crc32c(a))` is the checksum of `a` followed by `b`.
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  let remainder = ~previous;
  const length = bytes.length;
  let position = 0;
  if (length >= BYTEWISE_LIMIT) {
    position = -bytes.byteOffset & 3;
    remainder = advanceBytes(remainder, bytes, 0, position);
    const stepCount = (length - position) >>> 4;
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + position, stepCount * 4);
    remainder = advanceWords(remainder, words);
    position += stepCount * SLICES;
  }
  return ~advanceBytes(remainder, bytes, position, length) >>> 0;
}

function advanceBytes(remainder: number, bytes: Uint8Array, start: number, end: number): number {
  const t = table;
  for (let i = start; i < end; i++) remainder = t[(remainder ^ bytes[i]) & 255] ^ (remainder >>> 8);
  return remainder;
}

/** `words.length` is a multiple of 4. */
function advanceWords(remainder: number, words: Uint32Array): number {
  const t = table;
  for (let i = 0; i < words.length; i += 4) {
    const a = words[i] ^ remainder;
    const b = words[i + 1];
    const c = words[i + 2];
    const d = words[i + 3];
    remainder =
      t[3840 + (a & 255)] ^
      t[3584 + ((a >>> 8) & 255)] ^
      t[3328 + ((a >>> 16) & 255)] ^
      t[3072 + (a >>> 24)] ^
      t[2816 + (b & 255)] ^
      t[2560 + ((b >>> 8) & 255)] ^
      t[2304 + ((b >>> 16) & 255)] ^
      t[2048 + (b >>> 24)] ^
      t[1792 + (c & 255)] ^
      t[1536 + ((c >>> 8) & 255)] ^
      t[1280 + ((c >>> 16) & 255)] ^
      t[1024 + (c >>> 24)] ^
      t[768 + (d & 255)] ^
      t[512 + ((d >>> 8) & 255)] ^
      t[256 + ((d >>> 16) & 255)] ^
      t[d >>> 24];
  }
  return remainder;
}
