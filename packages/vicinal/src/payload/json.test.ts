import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonValue, payloads } from "./fixtures.test.helper.js";
import { decodePayload, encodePayload, type JsonValue, memberOf, parseJson, stringifyJson } from "./json.js";

/** Puts an unsafe integer beside a text, so that the lossless reader has to read it. */
function readBeside(text: string): JsonValue {
  return (parseJson(`[12345678901234567890,${text}]`) as JsonValue[])[1];
}

describe("parseJson", () => {
  it.each([
    ["9007199254740991", 9007199254740991],
    ["9007199254740992", 9007199254740992n],
    ["-9007199254740993", -9007199254740993n],
    ["18446744073709551615", 18446744073709551615n],
    ["00000000000000001".slice(-1), 1],
    ["[1234567890123456]", [1234567890123456]],
    ["0.12345678901234567890", Number("0.1234567890123456789")],
    ["12345678901234567890.0", Number("12345678901234567890")],
    ["12345678901234567890e-1", Number("1234567890123456789")],
    ['"12345678901234567890"', "12345678901234567890"],
    ['{"a":{"b":[9223372036854775807,null]}}', { a: { b: [9223372036854775807n, null] } }],
  ])("reads %s", (text, value) => {
    expect(parseJson(text)).toStrictEqual(value);
    expect(parseJson(new TextEncoder().encode(text))).toStrictEqual(value);
  });

  it("reads as the platform does, all but long integers", () => {
    const values = fc.jsonValue().filter((value) => !/\d{16,}/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 3 }), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseJson(text)).toStrictEqual(JSON.parse(text));
        expect(readBeside(text)).toStrictEqual(JSON.parse(text));
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it("accepts and refuses exactly what the platform does", () => {
    const fragments = fc.array(
      fc.constantFrom(
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"a"',
        "1",
        "-",
        "0",
        ".5",
        "e+1",
        "true",
        "nul",
        " ",
        '"\\u00e',
        "\\",
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(fragments, (parts) => {
        const text = `[${parts.join("")}]`;
        let expected: JsonValue | undefined;
        try {
          expected = JSON.parse(text) as JsonValue;
        } catch {
          expect(() => readBeside(text)).toThrow(/^Malformed JSON at offset \d+/);
          return;
        }
        expect(readBeside(text)).toStrictEqual(expected);
      }),
      { seed: 3, numRuns: 2000 },
    );
  });

  it.each([
    ["", 0],
    ["{", 1],
    ['{"a":1,}', 7],
    ["[1 2]", 3],
    ['["ab', 4],
    ["[01]", 2],
    ["[1]x", 3],
    ['"a\nb"', 2],
  ])("names the offset of what is malformed in %j", (text, offset) => {
    expect(() => parseJson(text)).toThrow(
      expect.objectContaining({ code: "BAD_REQUEST", details: { offset } }) as Error,
    );
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(/not valid UTF-8/);
  });

  it("refuses nesting deeper than 128 levels, on both ways", () => {
    const nested = (depth: number, core: string): string => "[".repeat(depth) + core + "]".repeat(depth);
    for (const core of ["1", "12345678901234567890"]) {
      expect(() => parseJson(nested(128, core))).not.toThrow();
      expect(() => parseJson(nested(129, core))).toThrow(/deeper than 128/);
      expect(() => parseJson(nested(200_000, core))).toThrow(/deeper than 128/);
    }
  });

  it("takes __proto__ for a name like any other", () => {
    for (const tail of ["1", "12345678901234567890"]) {
      const value = parseJson(`{"__proto__":{"polluted":true},"b":${tail}}`) as Record<string, JsonValue>;
      expect(Object.hasOwn(value, "__proto__")).toBe(true);
      expect(value.polluted).toBeUndefined();
      expect(memberOf(value, "constructor")).toBeUndefined();
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe("stringifyJson", () => {
  it("and parseJson are inverse", () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        expect(parseJson(stringifyJson(value))).toEqual(canonical(value));
      }),
      { seed: 4, numRuns: 2000 },
    );
  });

  it("writes what JSON.stringify writes where both can", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.parse(stringifyJson(value))).toStrictEqual(JSON.parse(text));
        if (!/\d{16,}/.test(text)) expect(stringifyJson(value)).toBe(text);
      }),
      { seed: 5 },
    );
    const date = new Date(0);
    expect(stringifyJson({ a: undefined, b: [undefined], date })).toBe(JSON.stringify({ b: [null], date }));
  });

  it.each([
    [{ a: [1, Number.NaN] }, "payload.a[1]: JSON cannot say NaN"],
    [{ a: { b: Number.POSITIVE_INFINITY } }, "payload.a.b: JSON cannot say Infinity"],
    [{ f: () => 1 }, "payload.f: JSON cannot say a function"],
    [{ s: Symbol("s") }, "payload.s: JSON cannot say a symbol"],
    [{ m: new Map() }, "payload.m: JSON cannot say a Map"],
    [{ v: new Float32Array(2) }, "payload.v: JSON cannot say a Float32Array"],
    [[1], "payload: expected an object"],
    [null, "payload: expected an object"],
  ])("refuses what JSON cannot say: %o", (value, message) => {
    expect(() => encodePayload(value)).toThrow(message);
  });

  it("refuses a cycle by its depth", () => {
    const cycle: Record<string, unknown> = {};
    cycle.a = cycle;
    expect(() => encodePayload(cycle)).toThrow(/deeper than 128/);
  });
});

describe("payload bytes", () => {
  it("give the payload back", () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        expect(decodePayload(encodePayload(payload))).toEqual(canonical(payload));
      }),
      { seed: 6, numRuns: 1000 },
    );
  });
});

/** What is read back: -0 is written as 0. */
function canonical(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, canonical(v)]));
  }
  return Object.is(value, -0) ? 0 : value;
}
