/** Spectrograms against the plain definitions: a Fourier sum for each frequency, and values of Slaney's mel scale. */
import { expect, it } from "vitest";
import { seeded } from "../stub.test.helper.js";
import { Fft } from "./fft.js";
import { MelSpectrogram } from "./mel.js";

/** |X(f)|^2 of a frame by the sum that defines it. */
function powersOf(frame: readonly number[]): number[] {
  return Array.from({ length: frame.length / 2 + 1 }, (_, k) => {
    let [re, im] = [0, 0];
    frame.forEach((x, n) => {
      re += x * Math.cos((-2 * Math.PI * k * n) / frame.length);
      im += x * Math.sin((-2 * Math.PI * k * n) / frame.length);
    });
    return re * re + im * im;
  });
}

it.each([2, 4, 64, 1024])("the transform of %i numbers is the sum that defines it", (size) => {
  const random = seeded(size);
  const [a, b] = [0, 1].map(() => Float64Array.from({ length: size }, () => random() - 0.5));
  const [re, im] = [a.slice(), b.slice()];
  new Fft(size).transform(re, im);
  for (const k of new Set([0, 1, size / 2, size - 1])) {
    let [x, y] = [0, 0];
    for (let n = 0; n < size; n++) {
      const [cos, sin] = [Math.cos((2 * Math.PI * k * n) / size), -Math.sin((2 * Math.PI * k * n) / size)];
      x += a[n] * cos - b[n] * sin;
      y += a[n] * sin + b[n] * cos;
    }
    expect(re[k]).toBeCloseTo(x, 9);
    expect(im[k]).toBeCloseTo(y, 9);
  }
});

/** Mel and hertz as librosa's documentation tables them: 0, 1, ... 40 mel of equal steps (`librosa.mel_frequencies(n_mels=40)`). */
const librosa = [
  0, 85.317, 170.635, 255.952, 341.269, 426.586, 511.904, 597.221, 682.538, 767.855, 853.173, 938.49,
  1024.856, 1119.114, 1222.042, 1334.436, 1457.167, 1591.187, 1737.532, 1897.337, 2071.84, 2262.393, 2470.47,
  2697.686, 2945.799, 3216.731, 3512.582, 3835.643, 4188.417, 4573.636, 4994.285, 5453.621, 5955.205, 6502.92,
  7101.009, 7754.107, 8467.272, 9246.028, 10_096.408, 11_025,
];

it("bands peak at the frequencies of Slaney's scale", () => {
  // 38 bands between 0 and 11,025 Hz: their edges and peaks are the 40 frequencies.
  const sampleRate = 22_050;
  const preparation = { bands: 38, frame: 4096, hop: 4096, lowest: 0, highest: 11_025 };
  const mel = new MelSpectrogram(preparation, sampleRate);
  for (const band of [0, 5, 11, 12, 20, 30, 37]) {
    const hertz = librosa[band + 1];
    const tone = Float32Array.from({ length: 4097 }, (_, i) =>
      Math.sin((2 * Math.PI * hertz * i) / sampleRate),
    );
    // The frame in the middle of which the tone lies is the second; it is mirrored at its end, where the phase jumps.
    const frame = mel.of(tone).slice(0, 38);
    expect(frame.indexOf(Math.max(...frame)), `${hertz} Hz`).toBe(band);
  }
});

it("is the power under a Hann window, in triangular bands of equal area, in decibels, mirrored at the ends", () => {
  const [sampleRate, size, hop] = [48_000, 1024, 480];
  const preparation = { bands: 64, frame: size, hop, lowest: 50, highest: 14_000 };
  const random = seeded(4);
  const samples = Float32Array.from(
    { length: 4000 },
    (_, i) => 0.3 * Math.sin(i / 7) + 0.1 * (random() - 0.5),
  );
  const found = new MelSpectrogram(preparation, sampleRate).of(samples);
  expect(found).toHaveLength(9 * 64);
  const toMel = (f: number) => (f < 1000 ? (3 * f) / 200 : 15 + (27 * Math.log(f / 1000)) / Math.log(6.4));
  const toHertz = (m: number) => (m < 15 ? (200 * m) / 3 : 1000 * 6.4 ** ((m - 15) / 27));
  const at = (i: number) => samples[i < 0 ? -i : i >= 4000 ? 7998 - i : i];
  for (const f of [0, 1, 4, 8]) {
    const frame = Array.from(
      { length: size },
      (_, i) => at(f * hop - size / 2 + i) * Math.sin((Math.PI * i) / size) ** 2,
    );
    const powers = powersOf(frame);
    for (let band = 0; band < 64; band++) {
      const [left, peak, right] = [band, band + 1, band + 2].map((edge) =>
        toHertz(toMel(50) + (edge * (toMel(14_000) - toMel(50))) / 65),
      );
      let power = 0;
      powers.forEach((value, k) => {
        const hertz = (k * sampleRate) / size;
        const rise = (hertz - left) / (peak - left);
        const fall = (right - hertz) / (right - peak);
        power += (value * Math.max(0, Math.min(rise, fall)) * 2) / (right - left);
      });
      expect(found[f * 64 + band]).toBeCloseTo(10 * Math.log10(Math.max(1e-10, power)), 3);
    }
  }
});

it("silence is -100 dB", () => {
  const preparation = { bands: 4, frame: 64, hop: 32, lowest: 50, highest: 4000 };
  expect([...new Set(new MelSpectrogram(preparation, 8000).of(new Float32Array(100)))]).toEqual([-100]);
});
