/**
 * Sounds as networks see them: the power in bands that the ear tells apart, over time, in decibels.
 *
 * The mel scale and the bands' areas are those of Slaney's Auditory Toolbox (1998), as librosa has them: linear to 1 kHz, logarithmic
 * above. Frames lie under a Hann window around every `hop`-th sample, the first around the sound's first; what reaches beyond its ends
 * is the sound mirrored.
 */
import { Fft } from "./fft.js";

export interface MelPreparation {
  bands: number;
  /** Samples of a frame, a power of two, and from the middle of one to the next. */
  frame: number;
  hop: number;
  /** Hertz: where the lowest band begins and the highest ends. */
  lowest: number;
  highest: number;
}

/** -100 dB: what is quieter counts as silence. */
const LEAST_POWER = 1e-10;

export class MelSpectrogram {
  readonly #fft: Fft;
  readonly #window: Float64Array;
  readonly #filters: readonly Filter[];
  readonly #re: Float64Array;
  readonly #im: Float64Array;

  constructor(
    readonly preparation: MelPreparation,
    sampleRate: number,
  ) {
    const { frame } = preparation;
    this.#fft = new Fft(frame);
    this.#window = Float64Array.from(
      { length: frame },
      (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / frame),
    );
    this.#filters = filtersOf(preparation, sampleRate);
    this.#re = new Float64Array(frame);
    this.#im = new Float64Array(frame);
  }

  /** Frames of so many samples. */
  frames(samples: number): number {
    return 1 + Math.floor(samples / this.preparation.hop);
  }

  /** [frames, bands], in decibels. @param samples more than half a frame */
  of(samples: Float32Array): Float32Array {
    const { bands, frame, hop } = this.preparation;
    const frames = this.frames(samples.length);
    const [re, im] = [this.#re, this.#im];
    const powers = new Float64Array(frame / 2 + 1);
    const result = new Float32Array(frames * bands);
    for (let f = 0; f < frames; f++) {
      const first = f * hop - frame / 2;
      for (let i = 0; i < frame; i++) re[i] = samples[mirrored(first + i, samples.length)] * this.#window[i];
      im.fill(0);
      this.#fft.transform(re, im);
      for (let i = 0; i < powers.length; i++) powers[i] = re[i] * re[i] + im[i] * im[i];
      this.#filters.forEach(({ from, weights }, band) => {
        let power = 0;
        for (let i = 0; i < weights.length; i++) power += weights[i] * powers[from + i];
        result[f * bands + band] = 10 * Math.log10(Math.max(LEAST_POWER, power));
      });
    }
    return result;
  }
}

function mirrored(at: number, length: number): number {
  if (at < 0) return -at;
  return at < length ? at : 2 * (length - 1) - at;
}

/** A band: weights of the frequencies from one on. */
interface Filter {
  from: number;
  weights: Float64Array;
}

/** Triangles whose feet stand under their neighbours' peaks, all of the same area. */
function filtersOf({ bands, frame, lowest, highest }: MelPreparation, sampleRate: number): Filter[] {
  const [first, last] = [melOf(lowest), melOf(highest)];
  const edges = Array.from({ length: bands + 2 }, (_, i) =>
    hertzOf(first + ((last - first) * i) / (bands + 1)),
  );
  const bin = sampleRate / frame;
  return Array.from({ length: bands }, (_, band) => {
    const [left, peak, right] = edges.slice(band, band + 3);
    const from = Math.ceil(left / bin);
    const length = Math.max(0, Math.min(frame / 2, Math.floor(right / bin)) - from + 1);
    const weights = Float64Array.from({ length }, (_, i) => {
      const hertz = (from + i) * bin;
      const height = Math.min((hertz - left) / (peak - left), (right - hertz) / (right - peak));
      return (Math.max(0, height) * 2) / (right - left);
    });
    return { from, weights };
  });
}

/** Hertz of a mel below, and mels, at which the scale becomes logarithmic; mels in which the frequency grows by a factor e there. */
const LINEAR = 200 / 3;
const BEND = 15;
const GROWTH = 27 / Math.log(6.4);

function melOf(hertz: number): number {
  const mel = hertz / LINEAR;
  return mel < BEND ? mel : BEND + GROWTH * Math.log(mel / BEND);
}

function hertzOf(mel: number): number {
  return LINEAR * (mel < BEND ? mel : BEND * Math.exp((mel - BEND) / GROWTH));
}
