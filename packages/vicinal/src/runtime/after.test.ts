import { expect, test } from "vitest";
import { after, afterEach } from "./after.js";

test("what is there is gone on with at once", () => {
  expect(after(2, (value) => value + 1)).toBe(3);
  expect(afterEach([1, 2], (value, i) => value * 10 + i)).toEqual([10, 21]);
});

test("one that is not there yet makes a promise of all", async () => {
  const found = afterEach([1, 2], (value) => (value === 1 ? Promise.resolve(value) : value));
  expect(found).toBeInstanceOf(Promise);
  expect(await found).toEqual([1, 2]);
});

test("what is under way when another throws ends no process", async () => {
  const unheard: unknown[] = [];
  const note = (reason: unknown) => unheard.push(reason);
  process.on("unhandledRejection", note);
  try {
    const start = (item: string) => {
      if (item === "late") return Promise.reject(new Error(item));
      throw new Error(item);
    };
    expect(() => afterEach(["late", "now"], start)).toThrow("now");
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(unheard).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
  }
});
