/**
 * JSON without loss: integers beyond 2^53 - 1 are read as `bigint` and written as integer literals.
 *
 * The platform's parser and writer do the work wherever they can. Texts in which they find a number beyond 2^53 are
 * read again by the parser below, and malformed texts too, for the same message with an offset on every platform.
 * JavaScript has one number type: `1.0` is read as `1` and written so.
 */
import { VicinalError } from "../runtime/errors.js";

export type JsonValue = null | boolean | number | bigint | string | JsonValue[] | JsonObject;

export interface JsonObject {
  [key: string]: JsonValue;
}

/** Deepest nesting of arrays and objects that is read or written; the recursion of all readers relies on it. */
export const jsonDepthMax = 128;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LETTER_E = 0x65;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const utf8Encoder = new TextEncoder();

/**
 * Reads one JSON text.
 * @throws BAD_REQUEST naming the offset (in UTF-16 units) of what is malformed, or that nesting exceeds 128.
 */
export function parseJson(source: string | Uint8Array): JsonValue {
  const text = typeof source === "string" ? source : decodeUtf8(source);
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return new JsonReader(text).document();
  }
  return needsReader(value, jsonDepthMax) ? new JsonReader(text).document() : value;
}

/**
 * Writes a value as JSON text. As `JSON.stringify`: members that are `undefined` are left out, items that are become
 * `null`, and `toJSON` is asked. Unlike it: `bigint` becomes an integer literal, a `number` beyond 2^53 never looks like
 * one (`1e+20`), and what JSON cannot say is refused.
 * @param at How messages call the value.
 * @throws BAD_REQUEST naming the path of a NaN, an infinity, a function, a symbol, a Map, a Set or binary data.
 */
export function stringifyJson(value: unknown, at = "$"): string {
  return sayable(value, jsonDepthMax) ? JSON.stringify(value) : writeValue(value, [at]);
}

/**
 * A payload as the UTF-8 JSON bytes in which it is stored.
 * @throws BAD_REQUEST when it is no object or holds what JSON cannot say.
 */
export function encodePayload(payload: unknown, at = "payload"): Uint8Array {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) {
    throw new VicinalError("BAD_REQUEST", `${at}: expected an object`, { field: at });
  }
  return utf8Encoder.encode(stringifyJson(payload, at));
}

/** A payload from its stored bytes. Trusts them: they were written by `encodePayload`. */
export function decodePayload(bytes: Uint8Array): JsonObject {
  const text = utf8Decoder.decode(bytes);
  const value = JSON.parse(text) as JsonObject;
  return needsReader(value, jsonDepthMax) ? (new JsonReader(text).document() as JsonObject) : value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The member of that name, never an inherited one (`constructor`, `__proto__`). */
export function memberOf(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Sets a member; `__proto__` is a name like any other. */
export function setMember(object: JsonObject, key: string, value: JsonValue): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    object[key] = value;
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8Decoder.decode(bytes);
  } catch (cause) {
    throw new VicinalError("BAD_REQUEST", "Malformed JSON: the bytes are not valid UTF-8", {}, { cause });
  }
}

/**
 * Whether the platform's parser may have lost something: a number beyond 2^53 may stand for an integer literal (none
 * is rounded to a smaller one), and nesting deeper than `depth` is refused. Looking at values is ten times as fast as
 * looking at characters.
 */
function needsReader(value: JsonValue, depth: number): boolean {
  if (typeof value === "number") return Math.abs(value) > Number.MAX_SAFE_INTEGER;
  if (typeof value !== "object" || value === null) return false;
  if (depth === 0) return true;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item = value[i];
      // Most long arrays are vectors; a call for each number would cost more than parsing it.
      if (
        typeof item === "number" ? Math.abs(item) > Number.MAX_SAFE_INTEGER : needsReader(item, depth - 1)
      ) {
        return true;
      }
    }
    return false;
  }
  for (const key in value) if (needsReader(value[key], depth - 1)) return true;
  return false;
}

/** Whether the platform would write the value as we do; most are so, and it is faster. */
function sayable(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth === 0) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!sayable(value[i], depth - 1)) return false;
    return true;
  }
  // Objects with a class may have their own idea of JSON.
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const key in value) if (!sayable((value as Record<string, unknown>)[key], depth - 1)) return false;
  return true;
}

/** No quote, backslash, control character or surrogate. */
const plainString = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;

function writeString(value: string): string {
  // The platform also escapes lone surrogates, which UTF-8 cannot hold.
  return value.length < 64 && plainString.test(value) ? `"${value}"` : JSON.stringify(value);
}

/** A double beyond 2^53 gets an exponent, so that it reads back as the number it is and not as a `bigint`. */
function writeNumber(value: number): string {
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : `${value}`;
}

/** `path`: where the value stands, one entry for each level; its length is the depth. */
function writeValue(value: unknown, path: (string | number)[]): string {
  switch (typeof value) {
    case "string":
      return writeString(value);
    case "number":
      if (!Number.isFinite(value)) throw refused(path, `JSON cannot say ${value}`);
      return writeNumber(value);
    case "boolean":
      return value ? "true" : "false";
    case "bigint":
      return value.toString();
    case "object":
      return value === null ? "null" : writeObject(value, path);
    default:
      throw refused(path, `JSON cannot say ${value === undefined ? "undefined" : `a ${typeof value}`}`);
  }
}

function writeObject(value: object, path: (string | number)[]): string {
  // The path's first entry is the document's name.
  const depth = path.length - 1;
  if (depth >= jsonDepthMax) throw refused(path, `nested deeper than ${jsonDepthMax} levels`);
  if (Array.isArray(value)) return writeArray(value, path);
  if (
    value instanceof Map ||
    value instanceof Set ||
    value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value)
  ) {
    throw refused(path, `JSON cannot say a ${value.constructor.name}`);
  }
  if ("toJSON" in value && typeof value.toJSON === "function") {
    path.push("toJSON()");
    const out = writeValue(value.toJSON(""), path);
    path.pop();
    return out;
  }
  let out = "{";
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    path.push(key);
    out += `${out.length > 1 ? "," : ""}${writeString(key)}:${writeValue(member, path)}`;
    path.pop();
  }
  return `${out}}`;
}

function writeArray(value: readonly unknown[], path: (string | number)[]): string {
  let out = "[";
  for (let i = 0; i < value.length; i++) {
    if (i > 0) out += ",";
    path.push(i);
    out += value[i] === undefined ? "null" : writeValue(value[i], path);
    path.pop();
  }
  return `${out}]`;
}

function refused(path: readonly (string | number)[], why: string): VicinalError {
  const field = path
    .map((step, i) => (typeof step === "number" ? `[${step}]` : i ? `.${step}` : step))
    .join("");
  return new VicinalError("BAD_REQUEST", `${field}: ${why}`, { field });
}

const escapes: Record<string, string> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** Recursive descent over RFC 8259. */
class JsonReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonValue {
    this.#skipSpace();
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#malformed("expected the end");
    return value;
  }

  #value(): JsonValue {
    const code = this.#text.charCodeAt(this.#at);
    if (code === QUOTE) return this.#string();
    if (code === OPEN_BRACE) return this.#object();
    if (code === OPEN_BRACKET) return this.#array();
    if (code === MINUS || isDigit(code)) return this.#number();
    if (this.#word("true")) return true;
    if (this.#word("false")) return false;
    if (this.#word("null")) return null;
    throw this.#malformed("expected a value");
  }

  #object(): JsonObject {
    this.#descend();
    const object: JsonObject = {};
    if (!this.#next(CLOSE_BRACE)) {
      do {
        this.#skipSpace();
        if (this.#text.charCodeAt(this.#at) !== QUOTE) throw this.#malformed('expected a member name in "');
        const key = this.#string();
        if (!this.#next(COLON)) throw this.#malformed("expected ':'");
        this.#skipSpace();
        setMember(object, key, this.#value());
      } while (this.#next(COMMA));
      if (!this.#next(CLOSE_BRACE)) throw this.#malformed("expected ',' or '}'");
    }
    this.#depth--;
    return object;
  }

  #array(): JsonValue[] {
    this.#descend();
    const array: JsonValue[] = [];
    if (!this.#next(CLOSE_BRACKET)) {
      do {
        this.#skipSpace();
        array.push(this.#value());
      } while (this.#next(COMMA));
      if (!this.#next(CLOSE_BRACKET)) throw this.#malformed("expected ',' or ']'");
    }
    this.#depth--;
    return array;
  }

  #string(): string {
    const text = this.#text;
    let start = ++this.#at;
    let value = "";
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code === QUOTE) return value + text.slice(start, this.#at++);
      if (code === BACKSLASH) {
        value += text.slice(start, this.#at) + this.#escape();
        start = this.#at;
      } else if (code >= 0x20) {
        this.#at++;
      } else {
        // A control character, or NaN at the end of the text.
        throw this.#malformed(
          this.#at < text.length ? "unescaped control character in a string" : "unclosed string",
        );
      }
    }
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#at + 1);
    const plain = letter === "u" ? undefined : escapes[letter];
    if (plain !== undefined) {
      this.#at += 2;
      return plain;
    }
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (letter !== "u" || !/^[\da-fA-F]{4}$/.test(digits)) throw this.#malformed("unknown escape");
    this.#at += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  #number(): number | bigint {
    const text = this.#text;
    const start = this.#at;
    if (text.charCodeAt(this.#at) === MINUS) this.#at++;
    if (text.charCodeAt(this.#at) === ZERO) this.#at++;
    else this.#digits();
    let integer = true;
    if (text.charCodeAt(this.#at) === DOT) {
      integer = false;
      this.#at++;
      this.#digits();
    }
    if ((text.charCodeAt(this.#at) | 0x20) === LETTER_E) {
      integer = false;
      this.#at++;
      const sign = text.charAt(this.#at);
      if (sign === "+" || sign === "-") this.#at++;
      this.#digits();
    }
    const literal = text.slice(start, this.#at);
    const value = Number(literal);
    if (integer && !Number.isSafeInteger(value)) return BigInt(literal);
    return value;
  }

  #digits(): void {
    const start = this.#at;
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
    if (this.#at === start) throw this.#malformed("expected a digit");
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  /** Skips space, and the character if it comes next. */
  #next(code: number): boolean {
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #descend(): void {
    if (++this.#depth > jsonDepthMax) throw this.#malformed(`nested deeper than ${jsonDepthMax} levels`);
    this.#at++;
  }

  #malformed(what: string): VicinalError {
    const offset = this.#at;
    return new VicinalError("BAD_REQUEST", `Malformed JSON at offset ${offset}: ${what}`, { offset });
  }
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= 0x39;
}
