/** SHA-256 (FIPS 180-4) of bytes that come in pieces, which the platform's own takes only as a whole. */

const BLOCK_SIZE = 64;

/** The first 32 bits of what the roots of primes have after the point. */
function rootBits(count: number, root: (value: number) => number): Int32Array {
  const bits = new Int32Array(count);
  for (let candidate = 2, found = 0; found < count; candidate++) {
    let isPrime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor++) isPrime &&= candidate % divisor !== 0;
    if (isPrime) bits[found++] = Math.floor((root(candidate) % 1) * 2 ** 32);
  }
  return bits;
}

const start = rootBits(8, Math.sqrt);
const keys = rootBits(64, Math.cbrt);

export class Sha256 {
  readonly #state = start.slice();
  readonly #block = new Uint8Array(BLOCK_SIZE);
  readonly #words = new Int32Array(64);
  #length = 0;

  update(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; ) {
      const at = this.#length % BLOCK_SIZE;
      const count = Math.min(BLOCK_SIZE - at, bytes.length - offset);
      this.#block.set(bytes.subarray(offset, offset + count), at);
      this.#length += count;
      offset += count;
      if (at + count === BLOCK_SIZE) this.#mix();
    }
  }

  /** The digest, 64 lower-case hexadecimal digits; nothing may follow. */
  hex(): string {
    const bits = this.#length * 8;
    this.update(new Uint8Array([0x80]));
    this.update(new Uint8Array((BLOCK_SIZE + 56 - (this.#length % BLOCK_SIZE)) % BLOCK_SIZE));
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(bits));
    this.update(length);
    return Array.from(this.#state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #mix(): void {
    const words = this.#words;
    const block = new DataView(this.#block.buffer);
    for (let i = 0; i < 16; i++) words[i] = block.getInt32(i * 4);
    for (let i = 16; i < 64; i++) {
      const early = words[i - 15];
      const late = words[i - 2];
      const first = turn(early, 7) ^ turn(early, 18) ^ (early >>> 3);
      const second = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10);
      words[i] = words[i - 16] + first + words[i - 7] + second;
    }
    let [a, b, c, d, e, f, g, h] = this.#state;
    for (let i = 0; i < 64; i++) {
      const chosen = (e & f) ^ (~e & g);
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + chosen + keys[i] + words[i]) | 0;
      const most = (a & b) ^ (a & c) ^ (b & c);
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + most) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + one) | 0;
      d = c;
      c = b;
      b = a;
      a = (one + two) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => {
      this.#state[i] += word;
    });
  }
}

function turn(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}
