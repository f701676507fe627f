/**
 * Images as pixels: by sharp where it is installed (JPEG, PNG, WebP, GIF, AVIF, TIFF), else by decoders in JavaScript
 * (JPEG, PNG). Turned upright as the camera says.
 */
import { ExtractError } from "../errors.js";
import { readHeader } from "./size.js";

/** Red, green, blue, row by row. */
export interface Pixels {
  width: number;
  height: number;
  /** width * height * 3 bytes. */
  data: Uint8Array;
}

export interface DecodeOptions {
  /** Default 100 million. */
  maxPixels?: number;
  /** `auto`: sharp where it is installed. Default auto. */
  decoder?: "auto" | "sharp" | "javascript";
}

const MAX_PIXELS = 100_000_000;

/** @throws ExtractError IMAGE_UNREADABLE, IMAGE_TOO_LARGE */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<Pixels> {
  const { maxPixels = MAX_PIXELS, decoder = "auto" } = options;
  if (bytes.length === 0) throw new ExtractError("IMAGE_UNREADABLE", "The image has no bytes");
  const header = readHeader(bytes);
  refuseLarge(header.width, header.height, maxPixels);
  const sharp = decoder === "javascript" ? undefined : await sharpIfThere(decoder === "sharp");
  try {
    if (sharp) return await bySharp(sharp, bytes, maxPixels);
    if (header.format === "jpeg") return await byJpegJs(bytes, maxPixels);
    if (header.format === "png") return await byFastPng(bytes);
  } catch (cause) {
    if (cause instanceof ExtractError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ExtractError("IMAGE_UNREADABLE", `The image cannot be decoded: ${reason}`, { cause });
  }
  throw new ExtractError(
    "IMAGE_UNREADABLE",
    "The bytes are no JPEG and no PNG; with the package sharp other formats are read",
  );
}

function refuseLarge(width: number, height: number, maxPixels: number): void {
  if (width * height > maxPixels)
    throw new ExtractError(
      "IMAGE_TOO_LARGE",
      `The image has ${width} x ${height} pixels, at most ${maxPixels} are decoded`,
    );
}

type Sharp = typeof import("sharp").default;
let loadedSharp: Promise<Sharp | undefined> | undefined;

async function sharpIfThere(wanted: boolean): Promise<Sharp | undefined> {
  const name = "sharp";
  loadedSharp ??= import(name).then(
    (module: { default: Sharp }) => module.default,
    () => undefined,
  );
  const sharp = await loadedSharp;
  if (wanted && !sharp) throw new ExtractError("IMAGE_UNREADABLE", "The package sharp is not installed");
  return sharp;
}

async function bySharp(sharp: Sharp, bytes: Uint8Array, maxPixels: number): Promise<Pixels> {
  const image = sharp(bytes, { limitInputPixels: maxPixels, failOn: "truncated" });
  const { width, height } = await image.metadata();
  refuseLarge(width, height, maxPixels);
  const { data, info } = await image
    .rotate()
    .flatten({ background: "#ffffff" })
    .toColourspace("srgb")
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels === 3) return { width: info.width, height: info.height, data };
  const grey = new Uint8Array(info.width * info.height * 3);
  for (let i = 0; i < data.length; i++) grey.fill(data[i], 3 * i, 3 * i + 3);
  return { width: info.width, height: info.height, data: grey };
}

async function byJpegJs(bytes: Uint8Array, maxPixels: number): Promise<Pixels> {
  const { decode } = (await import("jpeg-js")).default;
  const { width, height, data, exifBuffer } = decode(bytes, {
    useTArray: true,
    formatAsRGBA: false,
    tolerantDecoding: false,
    maxResolutionInMP: maxPixels / 1e6,
    maxMemoryUsageInMB: Math.ceil((maxPixels * 16) / 2 ** 20),
  }) as { width: number; height: number; data: Uint8Array; exifBuffer?: Uint8Array };
  return upright({ width, height, data }, exifBuffer ? orientationOf(exifBuffer) : 1);
}

async function byFastPng(bytes: Uint8Array): Promise<Pixels> {
  const { decode } = await import("fast-png");
  const { width, height, data, channels, depth, palette } = decode(bytes);
  const rgb = new Uint8Array(width * height * 3);
  const high = depth === 16 ? 8 : 0;
  for (let i = 0; i < width * height; i++) {
    const at = i * channels;
    const colour = palette
      ? palette[data[at]]
      : channels < 3
        ? [data[at] >> high, data[at] >> high, data[at] >> high]
        : [data[at] >> high, data[at + 1] >> high, data[at + 2] >> high];
    const alpha = channels === 2 || channels === 4 ? (data[at + channels - 1] >> high) / 255 : 1;
    // What shines through is white.
    for (let c = 0; c < 3; c++) rgb[3 * i + c] = Math.round(colour[c] * alpha + 255 * (1 - alpha));
  }
  return { width, height, data: rgb };
}

/** The tag Orientation (0x0112) of the first directory; 1 where there is none. */
export function orientationOf(exif: Uint8Array): number {
  const start = exif[0] === 0x45 ? 6 : 0;
  const view = new DataView(exif.buffer, exif.byteOffset + start, exif.byteLength - start);
  if (view.byteLength < 8) return 1;
  const little = view.getUint16(0) === 0x4949;
  const directory = view.getUint32(4, little);
  if (directory + 2 > view.byteLength) return 1;
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const at = directory + 2 + 12 * i;
    if (at + 12 > view.byteLength) return 1;
    if (view.getUint16(at, little) === 0x0112) return view.getUint16(at + 8, little);
  }
  return 1;
}

/** Undoes the eight ways in which a camera may have been held. */
export function upright(pixels: Pixels, orientation: number): Pixels {
  if (orientation < 2 || orientation > 8) return pixels;
  const { width, height, data } = pixels;
  const turned = orientation >= 5;
  const [w, h] = turned ? [height, width] : [width, height];
  const result = new Uint8Array(data.length);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const [sx, sy] = sourceOf(orientation, x, y, width, height);
      const from = 3 * (sy * width + sx);
      const to = 3 * (y * w + x);
      result[to] = data[from];
      result[to + 1] = data[from + 1];
      result[to + 2] = data[from + 2];
    }
  return { width: w, height: h, data: result };
}

function sourceOf(
  orientation: number,
  x: number,
  y: number,
  width: number,
  height: number,
): [number, number] {
  switch (orientation) {
    case 2:
      return [width - 1 - x, y];
    case 3:
      return [width - 1 - x, height - 1 - y];
    case 4:
      return [x, height - 1 - y];
    case 5:
      return [y, x];
    case 6:
      return [y, height - 1 - x];
    case 7:
      return [width - 1 - y, height - 1 - x];
    default:
      return [width - 1 - y, x];
  }
}
