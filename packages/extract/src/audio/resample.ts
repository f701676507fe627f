/**
 * A sound at another sample rate.
 *
 * Method: interpolation by a windowed sinc (Smith, "Digital audio resampling", 1984): each new sample is the weighted sum of those
 * around it; the cut-off is below half of the lower rate, so that nothing is mirrored into what remains.
 * Parameters: 16 zero crossings to each side under a Hann window, cut-off at 0.945 of half of the lower rate.
 */
import type { Sound } from "./wav.js";

const ZERO_CROSSINGS = 16;
const ROLL_OFF = 0.945;

export function resample({ samples, sampleRate }: Sound, wanted: number): Float32Array {
  if (sampleRate === wanted) return samples;
  const count = Math.max(1, Math.round((samples.length * wanted) / sampleRate));
  const result = new Float32Array(count);
  // In units of the source's samples.
  const cutOff = ROLL_OFF * Math.min(1, wanted / sampleRate);
  const reach = ZERO_CROSSINGS / cutOff;
  for (let i = 0; i < count; i++) {
    const centre = (i * sampleRate) / wanted;
    const first = Math.max(0, Math.ceil(centre - reach));
    const last = Math.min(samples.length - 1, Math.floor(centre + reach));
    let sum = 0;
    for (let j = first; j <= last; j++) {
      const x = j - centre;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / reach);
      sum += samples[j] * cutOff * sinc(cutOff * x) * window;
    }
    result[i] = sum;
  }
  return result;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}
