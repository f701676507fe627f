/**
 * Point ids: an unsigned 64-bit integer or a UUID.
 *
 * Canonical form, the only one inside the engine: an integer is a `number` up to 2^53 - 1 and a `bigint` beyond; a
 * UUID is a lower-case string with hyphens.
 *
 * Key form, for maps and files: a kind and four 32-bit words, most significant first, so that comparing kinds and
 * then words gives the order of ids: integers ascending, then UUIDs by their bytes.
 *
 *   kind 0 (integer)  word 0: 0            word 1: 0            word 2: high 32 bits  word 3: low 32 bits
 *   kind 1 (UUID)     word 0: bytes 0..3   word 1: bytes 4..7   word 2: bytes 8..11   word 3: bytes 12..15
 */
import { VicinalError } from "../runtime/errors.js";
import { createIssue, named, type OpenApiSchema, Schema, show } from "../runtime/schema.js";

export type PointId = number | bigint | string;

export const ID_KIND_INTEGER = 0;
export const ID_KIND_UUID = 1;
export type IdKind = typeof ID_KIND_INTEGER | typeof ID_KIND_UUID;

/** Words of a key, without its kind. */
export const ID_KEY_WORDS = 4;

const U64_MAX = 2n ** 64n - 1n;
const canonicalUuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;
const hyphenatedUuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;
const simpleUuid = /^[\da-f]{32}$/i;

/**
 * The canonical form of an id. UUIDs are also taken in upper case, as 32 hexadecimal digits, in braces and as
 * `urn:uuid:...`.
 * @param at Where the id stands in the request, for the message.
 * @throws BAD_POINT_ID
 */
export function parsePointId(value: unknown, at = "id"): PointId {
  const id = tryPointId(value);
  if (id === undefined) {
    throw new VicinalError("BAD_POINT_ID", `${at}: ${notAnId(value)}`, { field: at, value });
  }
  return id;
}

class PointIdSchema extends Schema<PointId> {
  readonly expected = "an unsigned integer or a UUID";

  looksLike(value: unknown): boolean {
    return typeof value === "number" || typeof value === "bigint" || typeof value === "string";
  }

  check(value: unknown): ReturnType<Schema<PointId>["check"]> {
    return tryPointId(value) === undefined ? createIssue(notAnId(value), "BAD_POINT_ID") : undefined;
  }

  protected render(): OpenApiSchema {
    return {
      anyOf: [
        { type: "integer", format: "uint64", minimum: 0 },
        { type: "string", format: "uuid" },
      ],
    };
  }
}

/** An id in a request, not yet canonical. */
export const pointIdSchema: Schema<PointId> = named("ExtendedPointId", new PointIdSchema());

/** As `parsePointId`, from text outside JSON (a URL, a command line), where digits are an integer. */
export function parsePointIdText(text: string, at = "id"): PointId {
  return parsePointId(/^\d{1,20}$/.test(text) ? BigInt(text) : text, at);
}

/** The canonical form, or undefined when the value is no id. */
export function tryPointId(value: unknown): PointId | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value + 0 : undefined;
  if (typeof value === "string") return canonicalUuid.test(value) ? value : normaliseUuid(value);
  if (typeof value !== "bigint" || value < 0n || value > U64_MAX) return undefined;
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** Writes the words of a canonical id's key at `words[at..at + 3]` and returns its kind. */
export function writeIdKey(id: PointId, words: Uint32Array, at = 0): IdKind {
  if (typeof id === "string") {
    words[at] = hexWord(id, 0, 4);
    words[at + 1] = hexWord(id, 9, 14);
    words[at + 2] = hexWord(id, 19, 24);
    words[at + 3] = hexWord(id, 28, 32);
    return ID_KIND_UUID;
  }
  words[at] = 0;
  words[at + 1] = 0;
  if (typeof id === "number") {
    words[at + 2] = id / 0x1_0000_0000;
    words[at + 3] = id;
  } else {
    words[at + 2] = Number(id >> 32n);
    words[at + 3] = Number(id & 0xffff_ffffn);
  }
  return ID_KIND_INTEGER;
}

/** The canonical id of a key. */
export function readIdKey(kind: IdKind, words: Uint32Array, at = 0): PointId {
  if (kind === ID_KIND_UUID) {
    const a = hex(words[at]);
    const b = hex(words[at + 1]);
    const c = hex(words[at + 2]);
    const d = hex(words[at + 3]);
    return `${a}-${b.slice(0, 4)}-${b.slice(4)}-${c.slice(0, 4)}-${c.slice(4)}${d}`;
  }
  const high = words[at + 2];
  const low = words[at + 3];
  if (high < 0x20_0000) return high * 0x1_0000_0000 + low;
  return (BigInt(high) << 32n) | BigInt(low);
}

/** Order of canonical ids: integers ascending, then UUIDs. Negative, 0 or positive. */
export function comparePointIds(a: PointId, b: PointId): number {
  const aIsUuid = typeof a === "string";
  const bIsUuid = typeof b === "string";
  if (aIsUuid !== bIsUuid) return aIsUuid ? 1 : -1;
  // Numbers and bigints compare exactly with each other; canonical UUIDs compare as their bytes do.
  return a < b ? -1 : a > b ? 1 : 0;
}

function normaliseUuid(text: string): string | undefined {
  let digits = text;
  if (digits.startsWith("urn:uuid:")) digits = digits.slice(9);
  else if (digits.startsWith("{") && digits.endsWith("}")) digits = digits.slice(1, -1);
  if (hyphenatedUuid.test(digits)) return digits.toLowerCase();
  if (!simpleUuid.test(digits)) return undefined;
  const d = digits.toLowerCase();
  return `${d.slice(0, 8)}-${d.slice(8, 12)}-${d.slice(12, 16)}-${d.slice(16, 20)}-${d.slice(20)}`;
}

/** Eight hexadecimal digits: four from each place. */
function hexWord(uuid: string, first: number, second: number): number {
  return Number.parseInt(uuid.slice(first, first + 4) + uuid.slice(second, second + 4), 16);
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}

function notAnId(value: unknown): string {
  const hint =
    Number.isInteger(value) && (value as number) > Number.MAX_SAFE_INTEGER
      ? " (integers beyond 2^53 - 1 are given as bigint)"
      : "";
  return `value ${show(value)} is not a valid point ID, valid values are either an unsigned integer or a UUID${hint}`;
}
