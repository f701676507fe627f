/** From a collection's configuration to the index that is built, and changes of it. */
import { describe, expect, test } from "vitest";
import type { Metric } from "../index/contract.js";
import { type CollectionConfig, changedConfig, choiceOf, type VectorConfig } from "./config.js";

function config(vector: Partial<VectorConfig>, rest: Partial<CollectionConfig> = {}): CollectionConfig {
  return {
    vectors: { "": { size: 64, distance: "Euclid", given: {}, ...vector } },
    hnsw: {},
    optimizers: {},
    other: {},
    fields: {},
    ...rest,
  };
}

const encodingOf = (family: string, quantization: Record<string, unknown>, distance: Metric = "Euclid") =>
  choiceOf(config({ family, quantization, distance }), "").parameters.encoding;

describe("quantization_config chooses the code of nearest bits", () => {
  test.each([
    [{ scalar: { type: "int8" } }, "int8", "sq8", "int8"],
    [{ product: { compression: "x4" } }, "int8", "sq8", "int8"],
    [{ product: { compression: "x8" } }, "int8", "pq4", "int8"],
    [{ product: { compression: "x16" } }, "int8", "pq4", "int8"],
    [{ product: { compression: "x32" } }, "int8", "rabitq", "int8"],
    [{ product: { compression: "x64" } }, "int8", "rabitq", "int8"],
    [{ binary: {} }, "int8", "rabitq", "int8"],
    [{ binary: { encoding: "one_bit" } }, "int8", "rabitq", "int8"],
    [{ binary: { encoding: "one_and_half_bits" } }, "int8", "pq4", "int8"],
    [{ binary: { encoding: "two_bits" } }, "int8", "pq4", "int8"],
    [{ turbo: {} }, "int8", "pq4", "int8"],
    [{ turbo: { bits: "bits1" } }, "int8", "rabitq", "int8"],
    [{ turbo: { bits: "bits1_5" } }, "int8", "pq4", "int8"],
    [{ turbo: { bits: "bits2" } }, "int8", "pq4", "int8"],
    [{ turbo: { bits: "bits4" } }, "int8", "pq4", "int8"],
  ])("%j", (quantization, graph, lists, tree) => {
    expect(encodingOf("hnsw", quantization)).toBe(graph);
    expect(encodingOf("ivf", quantization)).toBe(lists);
    expect(encodingOf("kmeans-tree", quantization)).toBe(tree);
    expect(encodingOf("lsh", quantization)).toBeUndefined();
    // What cannot serve the metric is passed over: there are no codes for Manhattan.
    for (const family of ["hnsw", "ivf", "kmeans-tree"])
      expect(encodingOf(family, quantization, "Manhattan")).toBe("float32");
  });

  test("of the vector before that of the collection, and after an encoding that is named", () => {
    const other = { quantization_config: { scalar: { type: "int8" } } };
    const encoding = (vector: Partial<VectorConfig>) =>
      choiceOf(config({ family: "ivf", ...vector }, { other }), "").parameters.encoding;
    expect(encoding({})).toBe("sq8");
    expect(encoding({ quantization: { binary: {} } })).toBe("rabitq");
    expect(encoding({ quantization: { binary: {} }, index: { encoding: "pq4" } })).toBe("pq4");
  });
});

describe("graph settings", () => {
  test("of the vector count before those of the collection, and both before none", () => {
    const hnsw = { m: 24, ef_construct: 90, full_scan_threshold: 10 };
    expect(choiceOf(config({ hnsw: { m: 8 } }, { hnsw }), "")).toEqual({
      family: "hnsw",
      parameters: expect.objectContaining({ m: 8, efConstruct: 90 }),
    });
    expect(choiceOf(config({ family: "hnsw", index: { m: 9 } }, { hnsw }), "").parameters.m).toBe(9);
    expect(choiceOf(config({ family: "ivf" }, { hnsw }), "").parameters).not.toHaveProperty("m");
  });
  test("with m 0 ask for no index", () => {
    expect(choiceOf(config({ hnsw: { m: 0 } }), "").family).toBe("flat");
  });
});

describe("a change", () => {
  const before = config(
    { family: "ivf", index: { lists: 9 }, hnsw: { m: 8 }, given: { hnsw_config: { m: 8 } } },
    { other: { quantization_config: { binary: {} }, on_disk_payload: true } },
  );
  const vector = (diff: Partial<VectorConfig>) =>
    changedConfig(before, { vectors: { "": diff } }).vectors[""];

  test("of the family replaces its parameters", () => {
    expect(vector({ family: "kmeans-tree" })).toMatchObject({ family: "kmeans-tree", index: {} });
    expect(vector({ family: "ivf", index: { lists: 3 } }).index).toEqual({ lists: 3 });
  });
  test("of graph settings keeps the others and the family", () => {
    const changed = vector({ hnsw: { ef_construct: 50 }, given: { hnsw_config: { ef_construct: 50 } } });
    expect(changed).toMatchObject({ family: "ivf", index: { lists: 9 }, hnsw: { m: 8, ef_construct: 50 } });
    expect(changed.given.hnsw_config).toEqual({ m: 8, ef_construct: 50 });
  });
  test("to Disabled removes a quantization, so that the collection's counts again", () => {
    const own = changedConfig(before, { vectors: { "": { quantization: { scalar: { type: "int8" } } } } });
    expect(choiceOf(own, "").parameters.encoding).toBe("sq8");
    const off = changedConfig(own, { vectors: { "": { quantization: "Disabled" } } });
    expect(choiceOf(off, "").parameters.encoding).toBe("rabitq");
    const none = changedConfig(off, { other: { quantization_config: "Disabled" } });
    expect(none.other).toEqual({ on_disk_payload: true });
    expect(choiceOf(none, "").parameters.encoding).toBe("rabitq");
  });
  test("leaves the old configuration as it was", () => {
    vector({ family: "flat" });
    expect(before.vectors[""].family).toBe("ivf");
  });
});
