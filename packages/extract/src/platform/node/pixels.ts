/** Decoders of Node: sharp where it is installed (JPEG, PNG, WebP, GIF, AVIF, TIFF), else in JavaScript (JPEG, PNG). */
import { ExtractError } from "../../errors.js";
import { type DecodeOptions, type Pixels, refuseLarge } from "../../images/decode.js";
import type { ImageHeader } from "../../images/size.js";
import { orientationOf, upright } from "../../images/upright.js";

export async function pixelsOf(
  bytes: Uint8Array,
  { format }: ImageHeader,
  { maxPixels, decoder }: Required<DecodeOptions>,
): Promise<Pixels> {
  const sharp = decoder === "javascript" ? undefined : await sharpIfThere(decoder === "sharp");
  if (sharp) return bySharp(sharp, bytes, maxPixels);
  if (format === "jpeg") return byJpegJs(bytes, maxPixels);
  if (format === "png") return byFastPng(bytes);
  throw new ExtractError(
    "IMAGE_UNREADABLE",
    "The bytes are no JPEG and no PNG; with the package sharp other formats are read",
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
