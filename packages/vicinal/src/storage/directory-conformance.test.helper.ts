/** What every Directory must do, as tests. `make` gives an empty one. */
import { expect, test } from "vitest";
import type { Directory } from "./directory.js";

const bytes = (...values: number[]) => Uint8Array.from(values);

async function put(dir: Directory, path: string, content: Uint8Array): Promise<void> {
  const writer = await dir.create(path);
  await writer.append(content);
  await writer.sync();
  await writer.close();
}

export function testConformance(make: () => Promise<Directory>): void {
  test("reads what was appended, at any position", async () => {
    const dir = await make();
    const writer = await dir.create("a/b/file");
    expect(writer.length).toBe(0);
    await writer.append(bytes(1, 2, 3));
    await writer.append(bytes());
    await writer.append(bytes(4));
    expect(writer.length).toBe(4);
    expect(await dir.read("a/b/file", 0, 4)).toEqual(bytes(1, 2, 3, 4));
    await writer.sync();
    await writer.close();
    expect(await dir.read("a/b/file", 1, 2)).toEqual(bytes(2, 3));
    expect(await dir.read("a/b/file", 4, 0)).toEqual(bytes());
    expect(await dir.size("a/b/file")).toBe(4);
  });

  test("appends files and chunks larger than any internal page", async () => {
    const dir = await make();
    const content = Uint8Array.from({ length: 3_000_001 }, (_, i) => i * 31 + (i >> 8));
    const writer = await dir.create("large");
    await writer.append(content.subarray(0, 5));
    await writer.append(content.subarray(5, 700_000));
    await writer.append(content.subarray(700_000));
    await writer.close();
    expect(await dir.size("large")).toBe(content.length);
    expect(Buffer.compare(await dir.read("large", 0, content.length), content)).toBe(0);
    expect(
      Buffer.compare(await dir.read("large", 262_143, 600_000), content.subarray(262_143, 862_143)),
    ).toBe(0);
  });

  test("reads into the caller's bytes, shared memory too", async () => {
    const dir = await make();
    await put(dir, "file", bytes(1, 2, 3, 4));
    const own = new Uint8Array(6);
    await dir.readInto("file", 1, own.subarray(2, 5));
    expect(own).toEqual(bytes(0, 0, 2, 3, 4, 0));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const shared = new Uint8Array(memory.buffer, 64, 2);
    await dir.readInto("file", 2, shared);
    expect([...shared]).toEqual([3, 4]);
  });

  test("what is read is the reader's: changing it changes no file", async () => {
    const dir = await make();
    await put(dir, "file", bytes(1, 2));
    (await dir.read("file", 0, 2)).fill(9);
    expect(await dir.read("file", 0, 2)).toEqual(bytes(1, 2));
  });

  test("a read beyond the end is CORRUPTION and names path and place", async () => {
    const dir = await make();
    await put(dir, "f/file", bytes(1, 2));
    await expect(dir.read("f/file", 1, 2)).rejects.toMatchObject({
      code: "CORRUPTION",
      message: expect.stringContaining(`${dir.location}/f/file: 2 bytes expected at offset 1`),
      details: { expected: 3, actual: 2 },
    });
    await expect(dir.readInto("f/file", 3, new Uint8Array(1))).rejects.toMatchObject({ code: "CORRUPTION" });
  });

  test("an absent file is FILE_NOT_FOUND, has no size, and is deleted already", async () => {
    const dir = await make();
    await put(dir, "there", bytes(1));
    for (const path of ["absent", "no/such/file", "there/below"]) {
      expect(await dir.size(path)).toBeUndefined();
      await dir.delete(path);
    }
    const notFound = { code: "FILE_NOT_FOUND", message: expect.stringContaining("absent") };
    await expect(dir.read("absent", 0, 1)).rejects.toMatchObject(notFound);
    await expect(dir.readInto("absent", 0, new Uint8Array(1))).rejects.toMatchObject(notFound);
    await expect(dir.reopen("absent", 0)).rejects.toMatchObject(notFound);
    expect(await dir.list()).toEqual(["there"]);
  });

  test("creates exclusively", async () => {
    const dir = await make();
    await put(dir, "file", bytes(1));
    await expect(dir.create("file")).rejects.toMatchObject({ code: "FILE_EXISTS" });
    expect(await dir.read("file", 0, 1)).toEqual(bytes(1));
    const made = await Promise.allSettled(Array.from({ length: 8 }, () => dir.create("raced")));
    const winners = made.filter((result) => result.status === "fulfilled");
    expect(winners.length).toBe(1);
    await winners[0].value.close();
  });

  test("reopening cuts the file and appends after the cut", async () => {
    const dir = await make();
    const content = Uint8Array.from({ length: 600_000 }, (_, i) => i * 7);
    await put(dir, "file", content);
    await dir.read("file", 0, 1);
    const writer = await dir.reopen("file", 300_001);
    expect(writer.length).toBe(300_001);
    expect(await dir.size("file")).toBe(300_001);
    await writer.append(bytes(1, 2));
    await writer.sync();
    await writer.close();
    expect(await dir.size("file")).toBe(300_003);
    expect(await dir.read("file", 299_999, 4)).toEqual(bytes(content[299_999], content[300_000], 1, 2));
    await expect(dir.reopen("file", 300_004)).rejects.toMatchObject({ code: "CORRUPTION" });
  });

  test("a deleted file is gone, and its name free", async () => {
    const dir = await make();
    await put(dir, "file", bytes(1));
    await dir.read("file", 0, 1);
    await dir.delete("file");
    await expect(dir.read("file", 0, 1)).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
    expect(await dir.list()).toEqual([]);
    await put(dir, "file", bytes(2));
    expect(await dir.read("file", 0, 1)).toEqual(bytes(2));
  });

  test("lists everything below, in order of code units", async () => {
    const dir = await make();
    for (const path of ["b", "a.x", "a/2", "a/10", "a/c/d", "A", "a-b"]) await put(dir, path, bytes(1));
    expect(await dir.list()).toEqual(["A", "a-b", "a.x", "a/10", "a/2", "a/c/d", "b"]);
  });

  test("a folder is a view, which creates nothing and sees only what is below", async () => {
    const dir = await make();
    await put(dir, "x/y/file", bytes(1));
    await put(dir, "xy", bytes(2));
    const x = dir.folder("x");
    expect(await x.list()).toEqual(["y/file"]);
    expect(await x.folder("y").read("file", 0, 1)).toEqual(bytes(1));
    expect(x.folder("y").location).toBe(`${dir.location}/x/y`);
    await put(x, "new", bytes(3));
    expect(await dir.read("x/new", 0, 1)).toEqual(bytes(3));
    expect(await dir.folder("none").list()).toEqual([]);
    expect(await dir.list()).toEqual(["x/new", "x/y/file", "xy"]);
  });

  test.each(["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a b", "a\\b", "ä", "a\0"])(
    "refuses the path %j everywhere",
    async (path) => {
      const dir = await make();
      const refused = { code: "BAD_REQUEST" };
      expect(() => dir.folder(path)).toThrow(expect.objectContaining(refused));
      await expect(dir.create(path)).rejects.toMatchObject(refused);
      await expect(dir.reopen(path, 0)).rejects.toMatchObject(refused);
      await expect(dir.read(path, 0, 1)).rejects.toMatchObject(refused);
      await expect(dir.readInto(path, 0, bytes(1))).rejects.toMatchObject(refused);
      await expect(dir.size(path)).rejects.toMatchObject(refused);
      await expect(dir.delete(path)).rejects.toMatchObject(refused);
      expect(await dir.list()).toEqual([]);
    },
  );

  test("many files are read at once, more than are kept open", async () => {
    const dir = await make();
    const paths = Array.from({ length: 200 }, (_, i) => `file-${i}`);
    for (const [i, path] of paths.entries()) await put(dir, path, bytes(i));
    for (let round = 0; round < 3; round++) {
      const contents = await Promise.all(paths.map((path) => dir.read(path, 0, 1)));
      expect(contents.map(([value]) => value)).toEqual(paths.map((_, i) => i));
    }
    await Promise.all(paths.map((path) => dir.delete(path)));
    expect(await dir.list()).toEqual([]);
  });

  test("a closed root reads no more, also through its views", async () => {
    const dir = await make();
    await put(dir, "x/file", bytes(1));
    const view = dir.folder("x");
    await view.close();
    expect(await view.read("file", 0, 1)).toEqual(bytes(1));
    await dir.close();
    await expect(view.read("file", 0, 1)).rejects.toMatchObject({ code: "CLOSED" });
    await expect(dir.read("x/file", 0, 1)).rejects.toMatchObject({ code: "CLOSED" });
    await dir.close();
  });
}
