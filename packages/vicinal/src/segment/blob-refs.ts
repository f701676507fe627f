/**
 * What a point says of its blobs: by name, which bytes and of what type. The bytes themselves lie in the collection's blob
 * store (blob-store.ts); rows, log records and patches hold only this, as UTF-8 JSON.
 */
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface BlobRef {
  /** Media type, such as `image/jpeg`. */
  type: string;
  /** Bytes. */
  size: number;
  /** Of the bytes: 64 lower-case hexadecimal digits. */
  sha256: string;
}

export type BlobRefs = Readonly<Record<string, BlobRef>>;

/** Undefined for none. */
export function encodeRefs(refs: BlobRefs): Uint8Array | undefined {
  return Object.keys(refs).length === 0 ? undefined : encoder.encode(JSON.stringify(refs));
}

export function decodeRefs(bytes: Uint8Array | undefined): BlobRefs {
  return bytes === undefined || bytes.length === 0 ? {} : (JSON.parse(decoder.decode(bytes)) as BlobRefs);
}

/** With one blob changed; `blob` undefined takes it away. */
export function changedRefs(
  bytes: Uint8Array | undefined,
  { name, blob }: { name: string; blob: BlobRef | undefined },
): Uint8Array | undefined {
  const { [name]: _old, ...others } = decodeRefs(bytes);
  return encodeRefs(blob ? { ...others, [name]: blob } : others);
}
