/** What an image is, by its first bytes: before anything is decoded, so that a small file cannot ask for much memory. */
import { ExtractError } from "../errors.js";

export interface ImageHeader {
  format: "jpeg" | "png" | "other";
  width: number;
  height: number;
}

/** Formats that are not JPEG or PNG are told by whoever decodes them. */
export function readHeader(bytes: Uint8Array): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length > 3 && view.getUint16(0) === 0xffd8) return jpegHeader(view);
  if (bytes.length > 24 && view.getUint32(0) === 0x89504e47)
    return { format: "png", width: view.getUint32(16), height: view.getUint32(20) };
  return { format: "other", width: 0, height: 0 };
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
