/** Databases and servers that cannot be opened, and what a closed one answers. */
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { createServer } from "@vicinal/server";
import { open } from "vicinal";
import { describe, expect, test } from "vitest";
import { type Bad, good, servedCollections } from "./bad-input.js";
import { refusal, withFolder } from "./homes.js";

const served = servedCollections();

describe("open", () => {
  test.each([[""], [undefined], [5], [null], [{}]])("of %j", async (path) => {
    const { code, message } = await refusal(open(path as Bad));
    expect(code).toBe("BAD_REQUEST");
    expect(message).toContain("open: expected a folder");
  });

  test.each([
    ["never", "durability"],
    [null, "durability"],
    [5, "durability"],
    [{}, "durability"],
    [{ interval: 5, unit: "s" }, "durability"],
    [{ interval: 0 }, "durability.interval"],
    [{ interval: -1 }, "durability.interval"],
    [{ interval: Number.NaN }, "durability.interval"],
    [{ interval: 2 ** 31 }, "durability.interval"],
    [{ interval: "5" }, "durability.interval"],
  ])("with durability %j", async (durability, field) => {
    const { code, message } = await refusal(open(":memory:", { durability } as Bad));
    expect(code).toBe("BAD_REQUEST");
    expect(message).toContain(`open: ${field}: expected "sync" or { interval: milliseconds`);
  });

  test("with an option that there is not", async () => {
    const { code, message } = await refusal(open(":memory:", { syncInterval: 5 } as Bad));
    expect(code).toBe("BAD_REQUEST");
    expect(message).toContain("syncInterval");
  });

  test.each([
    ["threads", 0],
    ["threads", 1.5],
    ["memoryBytes", -1],
    ["diskReserveBytes", "1"],
    ["backlogBytes", 0],
    ["thread", 1],
  ])("with an optimizer whose %s is %j", async (name, value) => {
    const { code, message } = await refusal(open(":memory:", { optimizer: { [name]: value } } as Bad));
    expect(code).toBe("BAD_REQUEST");
    expect(message).toContain(`optimizer.${name}`);
  });

  test.each([
    ["maxBytes", -1],
    ["maxBytes", "1"],
    ["perPoint", 1.5],
    ["perPoint", 1025],
    ["perpoint", 1],
  ])("with blobs whose %s is %j", async (name, value) => {
    const { code, message } = await refusal(open(":memory:", { blobs: { [name]: value } } as Bad));
    expect(code).toBe("BAD_REQUEST");
    expect(message).toContain(`blobs.${name}`);
  });

  test("below a file", () =>
    withFolder(async (folder) => {
      const file = join(folder, "file");
      await writeFile(file, "text");
      const { code, message } = await refusal(open(join(file, "data")));
      expect(code).toBe("FOLDER_NOT_WRITABLE");
      expect(message).toContain(join(file, "data"));
      expect(await readdir(folder)).toEqual(["file"]);
    }));

  test("on a file", () =>
    withFolder(async (folder) => {
      const file = join(folder, "file");
      await writeFile(file, "text");
      const { code, message } = await refusal(open(file));
      expect(code).toBe("FOLDER_NOT_WRITABLE");
      expect(message).toContain(file);
    }));

  test.runIf(process.platform === "linux")("where nothing can be written", async () => {
    const { code, message } = await refusal(open("/proc/vicinal"));
    expect(code).toBe("FOLDER_NOT_WRITABLE");
    expect(message).toContain("/proc/vicinal");
  });
});

describe("listen", () => {
  test("on a port that is taken", async () => {
    const other = createTcpServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const server = createServer({ database: served().database });
    try {
      const { code, message } = await refusal(server.listen({ port }));
      expect(code).toBe("ADDRESS_UNAVAILABLE");
      expect(message).toBe(`Cannot listen on 127.0.0.1:${port}: the port is taken by another process`);
    } finally {
      await server.close();
      other.close();
    }
  });

  test("on a port that is none", async () => {
    const server = createServer({ database: served().database });
    const { code, message } = await refusal(server.listen({ port: 70_000 }));
    expect(code).toBe("ADDRESS_UNAVAILABLE");
    expect(message).toContain("70000");
    await server.close();
  });
});

test("a closed database refuses everything", async () => {
  const database = await open(":memory:");
  await database.createCollection("points", { vectors: { size: 4, distance: "Dot" } });
  await database.close();
  const calls = [
    () => database.query("points", { query: [1, 2, 3, 4] }),
    () => database.upsert("points", { points: [good] }),
    () => database.createCollection("more", { vectors: { size: 4, distance: "Dot" } }),
    () => database.getCollections(),
    () => database.collectionExists("points"),
    () => database.deleteCollection("points"),
  ];
  for (const call of calls) expect((await refusal(call())).code).toBe("CLOSED");
  await database.close();
});
