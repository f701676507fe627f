/** What every ObjectStore must do, as tests. `make` gives an empty one. */
import { expect, test } from "vitest";
import type { ObjectStore } from "./object-store.js";

const bytes = (...values: number[]) => Uint8Array.from(values);

export async function keysOf(store: ObjectStore, prefix = ""): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys.sort();
}

export function testStore(make: () => Promise<ObjectStore>): void {
  test("gives back what was put, whole and in ranges", async () => {
    const store = await make();
    await store.put("a/b/object", bytes(1, 2, 3, 4));
    expect([...(await store.get("a/b/object"))]).toEqual([1, 2, 3, 4]);
    expect([...(await store.get("a/b/object", { offset: 1, length: 2 }))]).toEqual([2, 3]);
    expect([...(await store.get("a/b/object", { offset: 4, length: 0 }))]).toEqual([]);
    await store.put("empty", bytes());
    expect([...(await store.get("empty"))]).toEqual([]);
  });

  test("an object put again is the later one, as a whole", async () => {
    const store = await make();
    await store.put("object", bytes(1, 2, 3));
    await store.put("object", bytes(4));
    expect([...(await store.get("object"))]).toEqual([4]);
  });

  test("what is put and what is got are the caller's", async () => {
    const store = await make();
    const own = bytes(1, 2);
    await store.put("object", own);
    own.fill(9);
    (await store.get("object")).fill(8);
    expect([...(await store.get("object"))]).toEqual([1, 2]);
  });

  test("large objects, of an odd size", async () => {
    const store = await make();
    const content = new Uint8Array(33 * 2 ** 20 + 7);
    new Uint32Array(content.buffer, 0, content.length >> 2).forEach((_, i, words) => {
      words[i] = Math.imul(i, 0x9e3779b1);
    });
    await store.put("large", content);
    expect(Buffer.compare(await store.get("large"), content)).toBe(0);
    const range = { offset: 16 * 2 ** 20 - 3, length: 2 ** 20 };
    expect(
      Buffer.compare(
        await store.get("large", range),
        content.subarray(range.offset, range.offset + range.length),
      ),
    ).toBe(0);
    await store.delete("large");
  });

  test("a read beyond the end is CORRUPTION and names the key", async () => {
    const store = await make();
    await store.put("short", bytes(1, 2, 3));
    for (const range of [
      { offset: 1, length: 3 },
      { offset: 7, length: 1 },
      { offset: 7, length: 0 },
    ])
      await expect(store.get("short", range)).rejects.toMatchObject({
        code: "CORRUPTION",
        message: expect.stringContaining(`${store.location}/short`),
      });
  });

  test("an absent object is FILE_NOT_FOUND, and deleted already", async () => {
    const store = await make();
    const absent = { code: "FILE_NOT_FOUND", message: expect.stringContaining(`${store.location}/no/such`) };
    await expect(store.get("no/such")).rejects.toMatchObject(absent);
    await expect(store.get("no/such", { offset: 0, length: 1 })).rejects.toMatchObject(absent);
    await expect(store.get("no/such", { offset: 0, length: 0 })).rejects.toMatchObject(absent);
    await store.delete("no/such");
    await store.put("there", bytes(1));
    await store.delete("there");
    await expect(store.get("there")).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
    expect(await keysOf(store)).toEqual([]);
  });

  test("lists by prefix, with sizes", async () => {
    const store = await make();
    const keys = ["a/10/x", "a/2", "a/2b", "a-b", "ab/c", "b", "B"];
    for (const [i, key] of keys.entries()) await store.put(key, new Uint8Array(i));
    expect(await keysOf(store)).toEqual([...keys].sort());
    expect(await keysOf(store, "a/")).toEqual(["a/10/x", "a/2", "a/2b"]);
    expect(await keysOf(store, "a/2")).toEqual(["a/2", "a/2b"]);
    expect(await keysOf(store, "none/")).toEqual([]);
    for await (const { key, size } of store.list("")) expect(size).toBe(keys.indexOf(key));
  });

  test.each(["", "/", "/a", "a/", "a//b", "..", "a/../b", "a b", "a~", "ä", "a\0", "x".repeat(769)])(
    "refuses the key %j",
    async (key) => {
      const store = await make();
      const refused = { code: "BAD_REQUEST" };
      await expect(store.put(key, bytes(1))).rejects.toMatchObject(refused);
      await expect(store.get(key)).rejects.toMatchObject(refused);
      await expect(store.delete(key)).rejects.toMatchObject(refused);
    },
  );
}
