/**
 * The bytes of a section file, version 1: named sections in one immutable file, the container of all columns,
 * codes, graphs and bitmaps. Integers are little-endian.
 *
 *     offset size
 *          0   64  header: magic "VICINSEC" (8), format version (4), zero (4), kind in ASCII, zeros after (48)
 *         64       sections, each at a multiple of 64, zeros between
 *          F       footer: table of contents (JSON, UTF-8: {kind, meta, sections: [[name, offset, length], ...]};
 *                  a fourth member 2 or 1 says that float32 numbers are packed, runtime/packed-floats.ts), then CRC-32C (4 each) of every 64 KiB block of bytes 0..F, the last block being shorter
 *    end -64   64  trailer:
 *                    0   8  magic "VICINEND"
 *                    8   4  format version, 1
 *                   12   4  length of the table of contents
 *                   16   8  F
 *                   24   8  length of the file
 *                   32   4  CRC-32C of the footer
 *                   36  24  zero
 *                   60   4  CRC-32C of bytes 0..60 of the trailer
 *
 * Blocks ignore the sections' bounds, so every byte of the file is under exactly one checksum.
 */
import { corruption, VicinalError } from "../runtime/errors.js";
import { crc32c } from "./crc32c.js";

export const SECTION_ALIGNMENT = 64;
export const BLOCK_SIZE = 64 * 1024;
export const HEADER_SIZE = 64;
export const TRAILER_SIZE = 64;

const VERSION = 1;
const KIND_PATTERN = /^[a-z0-9-]{1,48}$/;

/** Where a section lies. */
export interface SectionPlace {
  readonly offset: number;
  /** Bytes in the file. */
  readonly length: number;
  /** Bytes of each float32 number, where they are packed. */
  readonly width?: 1 | 2;
}

export interface Footer {
  readonly kind: string;
  readonly meta: Record<string, unknown>;
  readonly sections: ReadonlyMap<string, SectionPlace>;
  /** Checksum of each block. */
  readonly checksums: Uint32Array;
  /** Where the blocks end and the footer begins. */
  readonly offset: number;
}

export interface Trailer {
  readonly tocLength: number;
  readonly footerOffset: number;
  readonly fileLength: number;
  readonly footerChecksum: number;
}

export function encodeHeader(kind: string): Uint8Array {
  if (!KIND_PATTERN.test(kind)) throw new VicinalError("INTERNAL", `Bad kind of section file: ${kind}`);
  const bytes = new Uint8Array(HEADER_SIZE);
  putAscii(bytes, 0, "VICINSEC");
  new DataView(bytes.buffer).setUint32(8, VERSION, true);
  putAscii(bytes, 16, kind);
  return bytes;
}

/** Footer and trailer. */
export function encodeFooter(footer: Footer): Uint8Array {
  const { kind, meta, checksums, offset } = footer;
  const sections = [...footer.sections].map(([name, { offset: start, length, width }]) =>
    width === undefined ? [name, start, length] : [name, start, length, width],
  );
  const toc = new TextEncoder().encode(JSON.stringify({ kind, meta, sections }));
  const footerLength = toc.length + checksums.length * 4;
  const bytes = new Uint8Array(footerLength + TRAILER_SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set(toc);
  for (let i = 0; i < checksums.length; i++) view.setUint32(toc.length + i * 4, checksums[i], true);

  const at = footerLength;
  putAscii(bytes, at, "VICINEND");
  view.setUint32(at + 8, VERSION, true);
  view.setUint32(at + 12, toc.length, true);
  view.setBigUint64(at + 16, BigInt(offset), true);
  view.setBigUint64(at + 24, BigInt(offset + bytes.length), true);
  view.setUint32(at + 32, crc32c(bytes.subarray(0, footerLength)), true);
  view.setUint32(at + 60, crc32c(bytes.subarray(at, at + 60)), true);
  return bytes;
}

/** `label` and `fileLength` are the file's; CORRUPTION when the trailer is not that of such a file. */
export function decodeTrailer(bytes: Uint8Array, label: string, fileLength: number): Trailer {
  const view = viewOf(bytes);
  const start = fileLength - TRAILER_SIZE;
  const actual = crc32c(bytes.subarray(0, 60));
  const expected = view.getUint32(60, true);
  if (actual !== expected) throw corruption(label, start, expected, actual, "checksum of the trailer");
  const magic = String.fromCharCode(...bytes.subarray(0, 8));
  if (magic !== "VICINEND") throw corruption(label, start, "VICINEND", magic, "mark of a section file");
  const version = view.getUint32(8, true);
  if (version !== VERSION) {
    throw new VicinalError(
      "UNSUPPORTED",
      `${label} is a section file of format ${version}; this version of Vicinal reads ${VERSION}`,
      { path: label, expected: VERSION, actual: version },
    );
  }
  const trailer = {
    tocLength: view.getUint32(12, true),
    footerOffset: Number(view.getBigUint64(16, true)),
    fileLength: Number(view.getBigUint64(24, true)),
    footerChecksum: view.getUint32(32, true),
  };
  if (trailer.fileLength !== fileLength) {
    throw corruption(label, start + 24, trailer.fileLength, fileLength, "length of the file");
  }
  return trailer;
}

/** `bytes` is the footer without the trailer. */
export function decodeFooter(bytes: Uint8Array, trailer: Trailer, label: string): Footer {
  const { footerOffset, tocLength, footerChecksum } = trailer;
  const actual = crc32c(bytes);
  if (actual !== footerChecksum)
    throw corruption(label, footerOffset, footerChecksum, actual, "checksum of the footer");
  return readToc(bytes, tocLength, footerOffset);
}

/** What a footer says; its checksum is not looked at. */
export function readToc(bytes: Uint8Array, tocLength: number, offset: number): Footer {
  const toc = JSON.parse(new TextDecoder().decode(bytes.subarray(0, tocLength)));
  const view = viewOf(bytes);
  const checksums = new Uint32Array((bytes.length - tocLength) / 4);
  for (let i = 0; i < checksums.length; i++) checksums[i] = view.getUint32(tocLength + i * 4, true);
  const sections = new Map<string, SectionPlace>();
  for (const [name, start, length, width] of toc.sections)
    sections.set(name, { offset: start, length, width });
  return { kind: toc.kind, meta: toc.meta, sections, checksums, offset };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function putAscii(target: Uint8Array, offset: number, text: string): void {
  for (let i = 0; i < text.length; i++) target[offset + i] = text.charCodeAt(i);
}
