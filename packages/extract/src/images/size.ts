/** What an image is, by its first bytes: before anything is decoded, so that a small file cannot ask for much memory. */
import { ExtractError } from "../errors.js";

export interface ImageHeader {
  format: "jpeg" | "png" | "webp" | "gif" | "other";
  width: number;
  height: number;
}

/** The sizes of other formats are told by whoever decodes them. */
export function readHeader(bytes: Uint8Array): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length > 3 && view.getUint16(0) === 0xffd8) return jpegHeader(view);
  if (bytes.length > 24 && view.getUint32(0) === 0x89504e47)
    return { format: "png", width: view.getUint32(16), height: view.getUint32(20) };
  if (bytes.length > 10 && view.getUint32(0) === 0x47494638)
    return { format: "gif", width: view.getUint16(6, true), height: view.getUint16(8, true) };
  if (bytes.length >= 30 && view.getUint32(0) === 0x52494646 && view.getUint32(8) === 0x57454250)
    return webpHeader(view);
  return { format: "other", width: 0, height: 0 };
}

/** Three forms of WebP: lossy, lossless, extended. Each says its size at a place of its own. */
function webpHeader(view: DataView): ImageHeader {
  const form = view.getUint8(15);
  const of = (width: number, height: number): ImageHeader => ({ format: "webp", width, height });
  if (form === 0x20) return of(view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff);
  if (form === 0x4c) {
    const bits = view.getUint32(21, true);
    return of((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1);
  }
  const low = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  return of(low(24) + 1, low(27) + 1);
}

/** The frame header of a JPEG lies behind other segments, each of which says its length. */
function jpegHeader(view: DataView): ImageHeader {
  let at = 2;
  while (at + 9 < view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { format: "jpeg", width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    // Fill bytes, and markers without a segment.
    if (marker === 0xff) at++;
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else at += 2 + view.getUint16(at + 2);
  }
  throw new ExtractError("IMAGE_UNREADABLE", "The JPEG breaks off before it says its size");
}
