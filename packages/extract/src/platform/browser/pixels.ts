/** The browser's own decoders: JPEG, PNG, WebP and GIF (the first picture), in a page and in a worker. */
import { ExtractError } from "../../errors.js";
import { type DecodeOptions, type Pixels, refuseLarge } from "../../images/decode.js";
import type { ImageHeader } from "../../images/size.js";

/** Rows that are read at a time: a whole large picture as red, green, blue and opacity would be held twice. */
const BAND = 256;

export async function pixelsOf(
  bytes: Uint8Array,
  { format }: ImageHeader,
  { maxPixels, decoder }: Required<DecodeOptions>,
): Promise<Pixels> {
  if (decoder !== "auto")
    throw new ExtractError("IMAGE_UNREADABLE", `A page has no decoder ${decoder}; auto takes the browser's`);
  // Formats whose size is known only to the decoder would be decoded before they are found too large.
  if (format === "other")
    throw new ExtractError("IMAGE_UNREADABLE", "The bytes are no JPEG, PNG, WebP or GIF");
  const bitmap = await createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>]));
  try {
    refuseLarge(bitmap.width, bitmap.height, maxPixels);
    return read(bitmap);
  } finally {
    bitmap.close();
  }
}

function read(bitmap: ImageBitmap): Pixels {
  const { width, height } = bitmap;
  const data = new Uint8Array(width * height * 3);
  const canvas = new OffscreenCanvas(width, Math.min(BAND, height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error(`there is no canvas ${width} pixels wide`);
  // What shines through is white, as in Node.
  context.fillStyle = "#ffffff";
  for (let top = 0; top < height; top += BAND) {
    const rows = Math.min(BAND, height - top);
    context.fillRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
    const { data: rgba } = context.getImageData(0, 0, width, rows);
    for (let from = 0, to = top * width * 3; from < rgba.length; from += 4) {
      data[to++] = rgba[from];
      data[to++] = rgba[from + 1];
      data[to++] = rgba[from + 2];
    }
  }
  return { width, height, data };
}
