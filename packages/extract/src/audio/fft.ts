/**
 * The discrete Fourier transform of a power of two of numbers, in place.
 *
 * Method: Cooley and Tukey, "An algorithm for the machine calculation of complex Fourier series" (1965), radix 2.
 * Cost: n log n.
 */
export class Fft {
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #reversed: Uint32Array;

  /** @param size a power of two, 2 or more */
  constructor(readonly size: number) {
    const half = size / 2;
    this.#cos = Float64Array.from({ length: half }, (_, i) => Math.cos((2 * Math.PI * i) / size));
    this.#sin = Float64Array.from({ length: half }, (_, i) => -Math.sin((2 * Math.PI * i) / size));
    this.#reversed = new Uint32Array(size);
    for (let i = 1; i < size; i++) this.#reversed[i] = (this.#reversed[i >> 1] >> 1) | (i & 1 ? half : 0);
  }

  transform(re: Float64Array, im: Float64Array): void {
    const { size } = this;
    for (let i = 0; i < size; i++) {
      const j = this.#reversed[i];
      if (j <= i) continue;
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
    for (let half = 1; half < size; half *= 2) {
      const step = size / (2 * half);
      for (let begin = 0; begin < size; begin += 2 * half)
        for (let k = 0; k < half; k++) {
          const [cos, sin] = [this.#cos[k * step], this.#sin[k * step]];
          const a = begin + k;
          const b = a + half;
          const x = re[b] * cos - im[b] * sin;
          const y = re[b] * sin + im[b] * cos;
          re[b] = re[a] - x;
          im[b] = im[a] - y;
          re[a] += x;
          im[a] += y;
        }
    }
  }
}
