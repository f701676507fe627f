/**
 * MurmurHash3, 32 bits (Appleby, 2011): four bytes at a time are multiplied, rotated and mixed into the state, whose bits are
 * spread at the end. Not for secrets. Deviations: none; strings are hashed as their UTF-8 bytes.
 */
const encoder = new TextEncoder();
/** Where words of ASCII are written, which the encoder would take ten times as long for. */
const ascii = new Uint8Array(64);

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;
const BLOCK_BYTES = 4;

/** The hash of a string's UTF-8 bytes, unsigned. */
export function murmur3(text: string, seed = 0): number {
  if (isWrittenAsAscii(text)) return hashOf(ascii, text.length, seed);
  const bytes = encoder.encode(text);
  return hashOf(bytes, bytes.length, seed);
}

function isWrittenAsAscii(text: string): boolean {
  if (text.length > ascii.length) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return false;
    ascii[i] = code;
  }
  return true;
}

function hashOf(bytes: Uint8Array, length: number, seed: number): number {
  const wholeBytes = length - (length % BLOCK_BYTES);
  let hash = seed;
  for (let at = 0; at < wholeBytes; at += BLOCK_BYTES) {
    const block = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    hash = Math.imul(rotate(hash ^ scrambled(block), 13), 5) + 0xe6546b64;
  }
  let rest = 0;
  for (let at = length - 1; at >= wholeBytes; at--) rest = (rest << 8) | bytes[at];
  hash ^= scrambled(rest) ^ length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function scrambled(block: number): number {
  return Math.imul(rotate(Math.imul(block, C1), 15), C2);
}
