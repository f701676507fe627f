/**
 * Pixels of another size, as a network wants them.
 *
 * Method: separable cubic convolution (Keys 1981, a = -0.5), the kernel widened by the factor of reduction so that nothing
 * is passed over: what Pillow calls bicubic and sharp's default (Lanczos) comes close to.
 */
import type { Pixels } from "./decode.js";

export interface Fit {
  width: number;
  height: number;
  /** `cover`: the middle, cut to the shape; `fill`: all, stretched. */
  fit: "cover" | "fill";
  /** Of `cover`: the shorter side is brought to this size first, then the middle is cut out. Default: just what covers. */
  shorter?: number;
}

export function resize(pixels: Pixels, { width, height, fit, shorter }: Fit): Pixels {
  if (fit === "fill")
    return scaled(pixels, { x: 0, y: 0, width: pixels.width, height: pixels.height }, width, height);
  const scale = shorter
    ? shorter / Math.min(pixels.width, pixels.height)
    : Math.max(width / pixels.width, height / pixels.height);
  const window = { width: width / scale, height: height / scale };
  const x = (pixels.width - window.width) / 2;
  const y = (pixels.height - window.height) / 2;
  return scaled(pixels, { x, y, ...window }, width, height);
}

interface Window {
  x: number;
  y: number;
  width: number;
  height: number;
}

function scaled(source: Pixels, window: Window, width: number, height: number): Pixels {
  const across = weightsOf(window.x, window.width, width, source.width);
  const down = weightsOf(window.y, window.height, height, source.height);
  const rows = new Float32Array(width * source.height * 3);
  for (let y = 0; y < source.height; y++)
    for (let x = 0; x < width; x++)
      sum(source.data, 3 * y * source.width, 3, across[x], rows, 3 * (y * width + x));
  const data = new Uint8Array(width * height * 3);
  const pixel = new Float32Array(3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      sum(rows, 3 * x, 3 * width, down[y], pixel, 0);
      const at = 3 * (y * width + x);
      for (let c = 0; c < 3; c++) data[at + c] = Math.min(255, Math.max(0, Math.round(pixel[c])));
    }
  return { width, height, data };
}

interface Weights {
  first: number;
  weights: Float32Array;
}

/** Of each target pixel: which source pixels it is made of. Beyond the edges lies the edge. */
function weightsOf(start: number, extent: number, target: number, sourceSize: number): Weights[] {
  const scale = extent / target;
  const reach = Math.max(1, scale);
  return Array.from({ length: target }, (_, i) => {
    const centre = start + (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - 2 * reach));
    const last = Math.min(sourceSize - 1, Math.ceil(centre + 2 * reach));
    const weights = new Float32Array(Math.max(1, last - first + 1));
    let total = 0;
    for (let j = 0; j < weights.length; j++) {
      weights[j] = cubic((first + j + 0.5 - centre) / reach);
      total += weights[j];
    }
    for (let j = 0; j < weights.length; j++) weights[j] /= total;
    return { first: Math.min(first, sourceSize - 1), weights };
  });
}

function cubic(x: number): number {
  const d = Math.abs(x);
  if (d < 1) return 1.5 * d ** 3 - 2.5 * d ** 2 + 1;
  return d < 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
}

function sum(
  source: ArrayLike<number>,
  base: number,
  stride: number,
  { first, weights }: Weights,
  target: Float32Array,
  at: number,
): void {
  let [r, g, b] = [0, 0, 0];
  for (let j = 0; j < weights.length; j++) {
    const from = base + stride * (first + j);
    r += weights[j] * source[from];
    g += weights[j] * source[from + 1];
    b += weights[j] * source[from + 2];
  }
  target[at] = r;
  target[at + 1] = g;
  target[at + 2] = b;
}
