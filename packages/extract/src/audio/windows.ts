/** The windows of a sound that a network hears one by one. */
import type { AudioPreparation } from "../models/catalogue.js";

/** Where windows begin: every hop that lies wholly in the sound, and at least one; what is missing at its end is silence. */
export function windowStarts(length: number, { window, hop }: AudioPreparation): number[] {
  const count = 1 + Math.max(0, Math.floor((length - window) / hop));
  return Array.from({ length: count }, (_, i) => i * hop);
}

/** A window's samples, with zeros behind the end. */
export function windowAt(samples: Float32Array, start: number, length: number): Float32Array {
  const window = new Float32Array(length);
  window.set(samples.subarray(start, start + length));
  return window;
}
