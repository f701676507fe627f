import { describe, expect, it } from "vitest";
import type { JsonObject } from "./json.js";
import { deletePayload, setPayload } from "./patch.js";
import { elementsOf, everyItem, itemsOf, parsePath, tryPath, valuesAt } from "./path.js";
import { includePaths } from "./select.js";

const document: JsonObject = {
  a: { b: [{ c: 1 }, { c: 2 }, { d: { e: 3 } }] },
  f: 3,
  g: ["g0", "g1", "g2"],
  arr: [{ arr: [{ a: 1 }] }, { arr: [{ a: 3 }, { a: 5 }] }],
};

describe("parsePath", () => {
  it("reads keys, quoted keys, indices and wildcards", () => {
    expect(tryPath('foo[1][50].bar-baz[]."qux[.]quux"')?.steps).toEqual([
      "foo",
      1,
      50,
      "bar-baz",
      everyItem,
      "qux[.]quux",
    ]);
    expect(tryPath("цена_1.x")?.steps).toEqual(["цена_1", "x"]);
  });

  it("gives equal paths one notation", () => {
    expect(tryPath('"a"."b c"[]')?.text).toBe('a."b c"[]');
    expect(tryPath('a."b c"[]')?.text).toBe('a."b c"[]');
    expect(itemsOf(parsePath("a.b")).text).toBe("a.b[]");
    expect(itemsOf(parsePath("a.b[]")).text).toBe("a.b[]");
  });

  it.each([
    "",
    " a",
    "a ",
    "a..b",
    ".a",
    "a.",
    "[0]",
    "[]",
    "a[",
    "a[x]",
    "a[-1]",
    'a"b"',
    '"a',
    "a b",
    "a[0]b",
  ])("refuses %j", (text) => {
    expect(tryPath(text)).toBeUndefined();
    expect(() => parsePath(text, "must[0].key", "BAD_FILTER")).toThrow(
      expect.objectContaining({
        code: "BAD_FILTER",
        message: `must[0].key: Invalid json path: '${text}'`,
      }) as Error,
    );
  });
});

describe("valuesAt", () => {
  it.each<[string, unknown[]]>([
    ["a.b[].c", [1, 2]],
    ["a.b[].d", [{ e: 3 }]],
    ["a.b[1].c", [2]],
    ["a.b[3]", []],
    ["a.b.c", []],
    ["a.b", [[{ c: 1 }, { c: 2 }, { d: { e: 3 } }]]],
    ["g[2]", ["g2"]],
    ["g[]", ["g0", "g1", "g2"]],
    ["g", [["g0", "g1", "g2"]]],
    ["arr[].arr[].a", [1, 3, 5]],
    ["arr[].arr[1].a", [5]],
    ["f[]", []],
    ["f.x", []],
    ["constructor", []],
    ["a.__proto__", []],
  ])("finds %s", (path, values) => {
    expect(valuesAt(document, parsePath(path))).toEqual(values);
  });

  it("lets a filter look into arrays, one level deep", () => {
    expect(elementsOf(valuesAt({ a: [1, [2, 3], null] }, parsePath("a")))).toEqual([1, [2, 3], null]);
    expect(elementsOf(valuesAt({ a: [1, [2, 3]] }, parsePath("a[]")))).toEqual([1, 2, 3]);
  });
});

describe("setPayload", () => {
  it.each<[string, string | undefined, JsonObject, JsonObject, JsonObject]>([
    ["merges at the top", undefined, { b: 1, c: 2 }, { a: 0, b: 0 }, { a: 0, b: 1, c: 2 }],
    ["replaces objects at the top", undefined, { a: { y: 1 } }, { a: { x: 1 } }, { a: { y: 1 } }],
    ["removes by null", undefined, { a: null, z: null }, { a: 1, b: 2 }, { b: 2 }],
    ["merges under a key", "a", { y: 1 }, { a: { x: 1 } }, { a: { x: 1, y: 1 } }],
    ["makes what is absent", "a.b", { y: 1 }, {}, { a: { b: { y: 1 } } }],
    ["replaces another type", "a.b", { y: 1 }, { a: 5 }, { a: { b: { y: 1 } } }],
    ["one item", "a[1]", { y: 1 }, { a: [{ x: 0 }, { x: 1 }] }, { a: [{ x: 0 }, { x: 1, y: 1 }] }],
    ["no item there", "a[2]", { y: 1 }, { a: [1] }, { a: [1] }],
    ["every item", "a[].b", { y: 1 }, { a: [{}, 7] }, { a: [{ b: { y: 1 } }, { b: { y: 1 } }] }],
    ["an array where there was none", "a[0]", { y: 1 }, { a: 5 }, { a: [] }],
    ["an array where nothing was", "a[]", { y: 1 }, {}, { a: [] }],
  ])("%s", (_, path, values, before, after) => {
    const copy = structuredClone(before);
    expect(setPayload(before, values, path === undefined ? undefined : parsePath(path))).toEqual(after);
    expect(before).toEqual(copy);
  });

  it("takes __proto__ for a key like any other", () => {
    const values = JSON.parse('{"__proto__":{"polluted":1}}') as JsonObject;
    for (const result of [setPayload({}, values), setPayload({}, { polluted: 1 }, parsePath("__proto__"))]) {
      expect(Object.hasOwn(result, "__proto__")).toBe(true);
      expect(result.polluted).toBeUndefined();
      expect(deletePayload(result, [parsePath("__proto__.polluted")])).toEqual(
        JSON.parse('{"__proto__":{}}'),
      );
    }
    expect(({} as JsonObject).polluted).toBeUndefined();
  });
});

describe("deletePayload", () => {
  it.each<[string[], JsonObject, JsonObject]>([
    [["a", "c"], { a: 1, b: 2, c: 3 }, { b: 2 }],
    [["a.b"], { a: { b: 1, c: 2 } }, { a: { c: 2 } }],
    [["a[].b"], { a: [{ b: 1 }, 5, { b: 2, c: 3 }] }, { a: [{}, 5, { c: 3 }] }],
    [["a[0].b"], { a: [{ b: 1 }, { b: 2 }] }, { a: [{}, { b: 2 }] }],
    [["a[0]"], { a: [1, 2] }, { a: [1, 2] }],
    [["a[]"], { a: [1, 2] }, { a: [] }],
    [["x.y", "a.b.c"], { a: 1 }, { a: 1 }],
  ])("of %j", (paths, before, after) => {
    const copy = structuredClone(before);
    expect(
      deletePayload(
        before,
        paths.map((path) => parsePath(path)),
      ),
    ).toEqual(after);
    expect(before).toEqual(copy);
  });
});

describe("includePaths", () => {
  const payload: JsonObject = { a: 1, b: { c: [{ d: 1, e: 2 }, { d: 3, e: 4 }, 5], f: [1, 2], g: {} } };

  it.each<[string[], JsonObject]>([
    [["a", "b.f"], { a: 1, b: { f: [1, 2] } }],
    [["a", "a"], { a: 1 }],
    [["b"], { b: payload.b }],
    [["b", "b.f"], { b: payload.b }],
    [["b.c[].d"], { b: { c: [{ d: 1 }, { d: 3 }, 5] } }],
    [["b.c[].d", "b.c[].e"], { b: { c: [{ d: 1, e: 2 }, { d: 3, e: 4 }, 5] } }],
    [["b.c.d"], { b: { c: [] } }],
    [["b.f[0]"], { b: { f: [] } }],
    [["a.x", "b.x"], { a: 1, b: {} }],
    [["x"], {}],
    [[], {}],
  ])("of %j", (paths, expected) => {
    const copy = structuredClone(payload);
    expect(
      includePaths(
        payload,
        paths.map((path) => parsePath(path)),
      ),
    ).toEqual(expected);
    expect(payload).toEqual(copy);
  });

  it("takes __proto__ for a key like any other", () => {
    const odd = JSON.parse('{"__proto__":{"polluted":1},"b":2}') as JsonObject;
    const picked = includePaths(odd, [parsePath("__proto__.polluted")]);
    expect(JSON.stringify(picked)).toBe('{"__proto__":{"polluted":1}}');
    expect(picked.polluted).toBeUndefined();
  });
});
