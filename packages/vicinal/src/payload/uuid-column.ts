/**
 * UuidColumn: UUIDs as keywords whose dictionary holds their 16 bytes. Only the canonical form (lower case, hyphens) is
 * of its kind: a match compares text, so the other forms are left to the payload.
 */
import type { StringBytes } from "./dictionary.js";
import { ID_KIND_UUID, readIdKey, tryPointId, writeIdKey } from "./id.js";
import { KeywordColumn } from "./keyword-column.js";
import type { JsonPath } from "./path.js";

const words = new Uint32Array(4);

/** A canonical UUID as its bytes. */
const uuidBytes: StringBytes = {
  room: () => 16,
  write(text, bytes) {
    writeIdKey(text, words);
    for (let i = 0; i < 16; i++) bytes[i] = words[i >>> 2] >>> (24 - 8 * (i & 3));
    return 16;
  },
  read(bytes) {
    words.fill(0);
    for (let i = 0; i < 16; i++) words[i >>> 2] |= bytes[i] << (24 - 8 * (i & 3));
    return readIdKey(ID_KIND_UUID, words) as string;
  },
};

export class UuidColumn extends KeywordColumn {
  override readonly kind = "uuid";

  constructor(path: JsonPath) {
    super(path, uuidBytes);
  }

  protected override holds(text: string): boolean {
    return tryPointId(text) === text;
  }
}
