/** Archives from anybody: what is not exactly a snapshot is refused by name, and nothing changes. */
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Database, open } from "vicinal";
import { afterAll, beforeAll, expect, test } from "vitest";
import { refusal, snapshot as shown, withFolder } from "./homes.js";

interface Entry {
  name: string;
  bytes: Buffer;
}
interface Description {
  format: number;
  kind: string;
  collections: {
    name: string;
    manifest: Record<string, unknown>;
    files: { path: string; bytes: number; sha256: string }[];
  }[];
}

/** A tar written here, so that it may lie. */
function pack(entries: Entry[], sizeOf = (entry: Entry) => entry.bytes.length): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const header = Buffer.alloc(512);
    header.write(entry.name, 0);
    header.write("0000644\x000000000\x000000000\0", 100);
    header.write(`${sizeOf(entry).toString(8).padStart(11, "0")}\0`, 124);
    header.write("00000000000\0        0", 136);
    header.write("ustar\x0000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    parts.push(header, entry.bytes, Buffer.alloc((512 - (entry.bytes.length % 512)) % 512));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

function unpack(archive: Buffer): Entry[] {
  const entries: Entry[] = [];
  for (let offset = 0; archive[offset] !== 0; ) {
    const name = archive.toString("latin1", offset, archive.indexOf(0, offset));
    const size = Number.parseInt(archive.toString("latin1", offset + 124, offset + 135), 8);
    entries.push({ name, bytes: archive.subarray(offset + 512, offset + 512 + size) });
    offset += 512 + Math.ceil(size / 512) * 512;
  }
  return entries;
}

let database: Database;
let archive: Buffer;
let home: string;
let finish: () => void;
let over: Promise<void>;

beforeAll(async () => {
  await new Promise<void>((ready) => {
    over = withFolder(async (folder) => {
      home = folder;
      database = await open(folder);
      await database.createCollection("films", { vectors: { size: 2, distance: "Dot" } });
      const points = Array.from({ length: 40 }, (_, id) => ({ id, vector: [id, 1], payload: { id } }));
      await database.upsert("films", { points });
      await database.waitForIndex("films", { everything: true });
      await database.upsert("films", { points: [{ id: 99, vector: [1, 1] }] });
      const { name } = await database.createSnapshot("films");
      const parts: Uint8Array[] = [];
      for await (const part of await database.downloadSnapshot("films", name)) parts.push(part);
      archive = Buffer.concat(parts);
      await database.upsert("films", { points: [{ id: 100, vector: [1, 1] }] });
      ready();
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      await database.close();
    });
  });
});
afterAll(() => {
  finish();
  return over;
});

/** The archive with another description. */
function described(change: (description: Description) => void): Buffer {
  const [first, ...objects] = unpack(archive);
  const description = JSON.parse(first.bytes.toString()) as Description;
  change(description);
  return pack([{ name: first.name, bytes: Buffer.from(JSON.stringify(description)) }, ...objects]);
}

function entries(change: (list: Entry[]) => Entry[] | undefined): Buffer {
  const list = unpack(archive).map(({ name, bytes }) => ({ name, bytes: Buffer.from(bytes) }));
  return pack(change(list) ?? list);
}

const first = (description: Description) => description.collections[0];

const hostile: [string, RegExp, () => Buffer][] = [
  ["nothing", /ends within a file's header/, () => Buffer.alloc(0)],
  ["what is no tar", /not one of a snapshot's/, () => Buffer.alloc(2048, 65)],
  ["an empty tar", /does not begin with/, () => Buffer.alloc(1024)],
  ["a tar of other files", /does not begin with/, () => pack([{ name: "readme", bytes: Buffer.from("x") }])],
  ["one that ends early", /ends within/, () => archive.subarray(0, archive.length - 1500)],
  ["one without its end", /ends within/, () => archive.subarray(0, archive.length - 1024)],
  ["bytes behind its end", /behind its end/, () => Buffer.concat([archive, Buffer.from("more")])],
  ["a second archive behind it", /behind its end/, () => Buffer.concat([archive, archive])],
  [
    "an object too many",
    /more than its description/,
    () => entries((list) => [...list, { name: "objects/x", bytes: Buffer.alloc(1) }]),
  ],
  ["an object too few", /found "its end"/, () => entries((list) => list.slice(0, -1))],
  [
    "an object of another name",
    /expected objects\//,
    () =>
      entries((list) => {
        list[1].name = "../../etc/passwd";
        return list;
      }),
  ],
  [
    "an absolute name",
    /expected objects\//,
    () =>
      entries((list) => {
        list[1].name = "/etc/passwd";
        return list;
      }),
  ],
  [
    "objects in another order",
    /expected objects\//,
    () => entries(([head, ...list]) => [head, ...list.reverse()]),
  ],
  [
    "an object of changed bytes",
    /another SHA-256/,
    () =>
      entries((list) => {
        list[2].bytes[5] ^= 1;
        return list;
      }),
  ],
  [
    "an object of another size",
    /its description says/,
    () =>
      entries((list) => {
        list[2].bytes = list[2].bytes.subarray(1);
        return list;
      }),
  ],
  [
    "a description that is no JSON",
    /not JSON/,
    () =>
      entries((list) => {
        list[0].bytes = Buffer.from("{");
        return list;
      }),
  ],
  [
    "a description of a later format",
    /format 2/,
    () =>
      described((one) => {
        one.format = 2;
      }),
  ],
  [
    "a description without files",
    /files/,
    () =>
      described((one) => {
        Reflect.deleteProperty(first(one), "files");
      }),
  ],
  [
    "no collection",
    /one collection/,
    () =>
      described((one) => {
        one.collections = [];
      }),
  ],
  [
    "a path that leaves the folder",
    /no file "\.\.\/\.\.\/evil"/,
    () =>
      described((one) => {
        first(one).files[0].path = "../../evil";
      }),
  ],
  [
    "an absolute path",
    /no file "\/evil"/,
    () =>
      described((one) => {
        first(one).files[0].path = "/evil";
      }),
  ],
  [
    "a manifest among the files",
    /no file "manifest-/,
    () =>
      described((one) => {
        first(one).files[0].path = "manifest-000000000009";
      }),
  ],
  [
    "a path twice",
    /twice/,
    () =>
      described((one) => {
        first(one).files[1].path = first(one).files[0].path;
      }),
  ],
  [
    "a digest that is none",
    /SHA-256/,
    () =>
      described((one) => {
        first(one).files[0].sha256 = "../../evil";
      }),
  ],
  [
    "a blob under a digest that is not its own",
    /the digest of blobs\/00\/0{64} is not the one in its name/,
    () =>
      described((one) => {
        first(one).files[0].path = `blobs/00/${"0".repeat(64)}`;
      }),
  ],
  [
    "a size below zero",
    /refused: its description/,
    () =>
      described((one) => {
        first(one).files[0].bytes = -1;
      }),
  ],
  [
    "an epoch that no database reaches",
    /epoch 4294967295/,
    () =>
      described((one) => {
        const log = first(one).files.find(({ path }) => path.startsWith("log/"));
        if (log) log.path = log.path.replace(/\d+$/, "4294967295");
      }),
  ],
  [
    "a log under another name",
    /refused/,
    () =>
      described((one) => {
        const log = first(one).files.find(({ path }) => path.startsWith("log/"));
        if (log) log.path = log.path.replace(/log-\d+/, "log-000000000001");
      }),
  ],
  [
    "an empty manifest",
    /refused/,
    () =>
      described((one) => {
        first(one).manifest = {};
      }),
  ],
  [
    "a manifest without a configuration",
    /refused/,
    () =>
      described((one) => {
        first(one).manifest.config = null;
      }),
  ],
  [
    "a manifest that names files elsewhere",
    /refused/,
    () =>
      described((one) => {
        const [segment] = first(one).manifest.segments as { files: { rows: string } }[];
        segment.files.rows = "../../catalogue/manifest-000000000001";
      }),
  ],
  [
    "a manifest that knows of later writes",
    /refused/,
    () =>
      described((one) => {
        first(one).manifest.synced = 1e6;
      }),
  ],
];

test.each(hostile)("%s", async (_name, says, make) => {
  const before = await shown(database);
  const files = (await readdir(home, { recursive: true }))
    .filter((path) => !path.includes("catalogue"))
    .sort();
  const bytes = make();
  for (const target of ["films", "new"]) {
    const { code, message } = await refusal(database.uploadSnapshot(target, [bytes]));
    expect(code).toBe("BAD_REQUEST");
    expect(message).toMatch(says);
  }
  expect(await shown(database)).toEqual(before);
  const after = (await readdir(home, { recursive: true }))
    .filter((path) => !path.includes("catalogue"))
    .sort();
  expect(after).toEqual(files);
});

test("a checksum that is not the archive's, and one that is none", async () => {
  const before = await shown(database);
  const refused = await refusal(database.uploadSnapshot("films", [archive], { checksum: "3".repeat(64) }));
  expect(refused).toMatchObject({
    code: "BAD_REQUEST",
    message: expect.stringContaining("checksum mismatch"),
  });
  const none = await refusal(database.uploadSnapshot("films", [archive], { checksum: "abc" }));
  expect(none).toMatchObject({
    code: "OUT_OF_RANGE",
    message: expect.stringContaining("invalid_sha256_hash"),
  });
  expect(await shown(database)).toEqual(before);
});

test("the archive packed anew is taken: what is refused above is refused for its fault", () =>
  withFolder(async (folder) => {
    const other = await open(folder);
    const again = entries(() => undefined);
    await other.uploadSnapshot("copy", [again], {
      checksum: createHash("sha256").update(again).digest("hex"),
    });
    expect(await other.count("copy", {})).toEqual({ count: 41 });
    await other.close();
    expect((await readdir(join(folder, "collections"))).length).toBe(1);
  }));
