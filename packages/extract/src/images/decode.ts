/** Images as pixels, turned upright as the camera says; decoders are the platform's. */
import { pixelsOf } from "#platform/pixels.js";
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
  /** `auto`: in Node sharp where it is installed, else decoders in JavaScript; in a page the browser's. Default auto, the only one in a page. */
  decoder?: "auto" | "sharp" | "javascript";
}

const MAX_PIXELS = 100_000_000;

/** @throws ExtractError IMAGE_UNREADABLE, IMAGE_TOO_LARGE */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<Pixels> {
  const { maxPixels = MAX_PIXELS, decoder = "auto" } = options;
  if (bytes.length === 0) throw new ExtractError("IMAGE_UNREADABLE", "The image has no bytes");
  const header = readHeader(bytes);
  refuseLarge(header.width, header.height, maxPixels);
  try {
    return await pixelsOf(bytes, header, { maxPixels, decoder });
  } catch (cause) {
    if (cause instanceof ExtractError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ExtractError("IMAGE_UNREADABLE", `The image cannot be decoded: ${reason}`, { cause });
  }
}

export function refuseLarge(width: number, height: number, maxPixels: number): void {
  if (width * height > maxPixels)
    throw new ExtractError(
      "IMAGE_TOO_LARGE",
      `The image has ${width} x ${height} pixels, at most ${maxPixels} are decoded`,
    );
}
