/** Originals in an embedded database: what goes in comes out, and what nobody names goes. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MemoryDirectory } from "../storage/memory-directory.js";
import { fromBase64, toBase64 } from "./base64.js";
import { Catalogue } from "./catalogue.js";
import { Database } from "./database.js";

const vectors = { size: 2, distance: "Dot" as const };
const vector = [1, 0];
let home: MemoryDirectory;
let database: Database;

const bytesOf = (text: string) => new TextEncoder().encode(text);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const photo = { type: "image/jpeg", bytes: bytesOf("a photo") };
const clip = { type: "video/mp4", bytes: bytesOf("a clip, longer") };

async function opened(blobs?: { maxBytes?: number; perPoint?: number }): Promise<Database> {
  database = new Database(await Catalogue.open(home, { blobs }));
  return database;
}

async function reopened(): Promise<void> {
  await database.close();
  await opened();
}

beforeEach(async () => {
  home = MemoryDirectory.empty();
  await opened();
  await database.createCollection("c", { vectors });
});

afterEach(() => database.close());

async function collected(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Uint8Array.from(Buffer.concat(parts));
}

const read = async (id: number, name: string, range?: { start?: number; length?: number }) =>
  collected((await database.getBlob("c", id, name, range)).bytes);

/** Digests of the files of blobs. */
const files = async () =>
  (await home.folder("collections/1/blobs").list()).map((path) => path.slice(path.lastIndexOf("/") + 1));

const settled = () => database.waitForIndex("c", { everything: true });

const shown = async (id: number) =>
  (await database.retrieve("c", { ids: [id], with_blobs: true }))[0]?.blobs ?? undefined;

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("base64 is that of everybody", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100_000, size: "max" }), (bytes) => {
      const text = toBase64(bytes);
      expect(text).toBe(Buffer.from(bytes).toString("base64"));
      expect(fromBase64(text, "at")).toEqual(Uint8Array.from(bytes));
    }),
    { numRuns: 20 },
  );
});

describe("what is written is read", () => {
  test("with points: as bytes, as base64, in batches and in operations", async () => {
    const base64 = toBase64(clip.bytes);
    await database.upsert("c", {
      points: [
        { id: 1, vector, blobs: { photo, clip: { type: "video/mp4", base64 } } },
        { id: 2, vector },
      ],
    });
    await database.upsert("c", {
      batch: { ids: [3, 4], vectors: [vector, vector], blobs: [null, { photo }] },
    });
    await database.batchUpdate("c", {
      operations: [
        { upsert: { points: [{ id: 5, vector, blobs: { photo } }] } },
        { set_payload: { payload: { a: 1 }, points: [5] } },
      ],
    });
    for (let round = 0; round < 3; round++) {
      for (const id of [1, 4, 5]) expect(await read(id, "photo")).toEqual(photo.bytes);
      expect(await read(1, "clip")).toEqual(clip.bytes);
      expect([await shown(2), await shown(3)]).toEqual([{}, {}]);
      // Equal bytes are one file.
      expect((await files()).sort()).toEqual([sha256(photo.bytes), sha256(clip.bytes)].sort());
      if (round === 0) await settled();
      else await reopened();
    }
  });

  test("of its own, at once and as it arrives, also when it is larger than what is gathered", async () => {
    await database.upsert("c", { points: [{ id: 1, vector, payload: { a: 1 } }] });
    const large = Uint8Array.from({ length: 5 * 2 ** 20 + 3 }, (_, i) => (i * 31) ^ (i >> 8));
    const answer = await database.putBlob("c", 1, "photo", photo);
    expect(answer).toEqual({
      type: "image/jpeg",
      size: photo.bytes.length,
      sha256: sha256(photo.bytes),
      url: "/collections/c/points/1/blobs/photo",
    });
    await database.putBlob("c", 1, "large", { type: "x/y", bytes: pieces(large, 100_001) });
    await database.putBlob("c", 1, "empty", { type: "x/y", bytes: new Uint8Array(0) });
    for (let round = 0; round < 2; round++) {
      expect(await read(1, "photo")).toEqual(photo.bytes);
      expect(Buffer.compare(await read(1, "large"), large)).toBe(0);
      expect(await read(1, "large", { start: 5 * 2 ** 20, length: 2 })).toEqual(
        large.slice(5 * 2 ** 20, 5 * 2 ** 20 + 2),
      );
      expect(await read(1, "large", { start: 5 * 2 ** 20 })).toHaveLength(3);
      expect(await read(1, "empty")).toHaveLength(0);
      expect(await files()).toHaveLength(3);
      await reopened();
    }
    expect((await database.retrieve("c", { ids: [1] }))[0].payload).toEqual({ a: 1 });
  });

  test("in answers: none, all, some, and inline", async () => {
    await database.upsert("c", { points: [{ id: 1, vector, payload: { x: 1 }, blobs: { photo, clip } }] });
    const description = {
      type: "image/jpeg",
      size: photo.bytes.length,
      sha256: sha256(photo.bytes),
      url: "/collections/c/points/1/blobs/photo",
    };
    const inline = { photo: { ...description, base64: toBase64(photo.bytes) } };
    const { points } = await database.query("c", { query: vector, with_blobs: ["photo"] });
    expect(points[0].blobs).toEqual({ photo: description });
    expect((await database.query("c", { query: vector })).points[0]).not.toHaveProperty("blobs");
    const scrolled = await database.scroll("c", { with_blobs: { names: ["photo"], inline: true } });
    expect(scrolled.points[0].blobs).toEqual(inline);
    const { groups } = await database.queryGroups("c", { query: vector, group_by: "x", with_blobs: true });
    expect(Object.keys(groups[0].hits[0].blobs ?? {}).sort()).toEqual(["clip", "photo"]);
    expect(Object.keys((await shown(1)) ?? {}).sort()).toEqual(["clip", "photo"]);
  });

  test("edits of payload and vectors keep it, an upsert without it does not", async () => {
    await database.upsert("c", { points: [{ id: 1, vector, blobs: { photo } }] });
    await database.setPayload("c", { points: [1], payload: { a: 1 } });
    await database.updateVectors("c", { points: [{ id: 1, vector: [0, 1] }] });
    await settled();
    await database.overwritePayload("c", { points: [1], payload: { b: 1 } });
    await reopened();
    expect(await read(1, "photo")).toEqual(photo.bytes);
    await database.upsert("c", { points: [{ id: 1, vector }] });
    await expect(database.getBlob("c", 1, "photo")).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
    expect(await shown(1)).toEqual({});
  });

  test("blobs of sealed rows change in patches, which merges, rewritings and openings keep", async () => {
    for (const id of [1, 2, 3, 4]) {
      await database.upsert("c", { points: [{ id, vector, payload: { id }, blobs: { photo } }] });
      await settled();
    }
    await database.putBlob("c", 1, "clip", clip);
    await database.deleteBlob("c", 2, "photo");
    await database.setPayload("c", { points: [3], payload: { more: true } });
    const expected = async () => {
      expect(Object.keys((await shown(1)) ?? {}).sort()).toEqual(["clip", "photo"]);
      expect(await shown(2)).toEqual({});
      expect(Object.keys((await shown(3)) ?? {})).toEqual(["photo"]);
      expect((await database.retrieve("c", { ids: [3] }))[0].payload).toEqual({ id: 3, more: true });
      expect(await read(1, "clip")).toEqual(clip.bytes);
    };
    await expected();
    await reopened();
    await expected();
    await database.upsert("c", { points: [{ id: 5, vector }] });
    await settled();
    await expected();
    await reopened();
    await expected();
  });

  test("in memory", async () => {
    const memory = new Database(await Catalogue.open(undefined));
    await memory.createCollection("c", { vectors });
    await memory.upsert("c", { points: [{ id: 1, vector, blobs: { photo } }] });
    const blob = await memory.getBlob("c", 1, "photo");
    expect(await collected(blob.bytes)).toEqual(photo.bytes);
    await memory.delete("c", { points: [1] });
    await memory.waitForIndex("c", { everything: true });
    await expect(memory.getBlob("c", 1, "photo")).rejects.toMatchObject({ code: "POINT_NOT_FOUND" });
    await memory.close();
  });
});

describe("what nobody names goes", () => {
  test("with the point, with its replacement and with the blob", async () => {
    const other = { type: "x/y", bytes: bytesOf("other") };
    await database.upsert("c", {
      points: [
        { id: 1, vector, blobs: { photo } },
        { id: 2, vector, blobs: { clip } },
        { id: 3, vector, blobs: { other } },
        { id: 4, vector, blobs: { photo } },
      ],
    });
    await settled();
    expect(await files()).toHaveLength(3);
    await database.delete("c", { points: [1] });
    await database.upsert("c", { points: [{ id: 2, vector }] });
    await database.deleteBlob("c", 3, "other");
    await settled();
    expect(await files()).toEqual([sha256(photo.bytes)]);
    expect(await read(4, "photo")).toEqual(photo.bytes);
    await database.delete("c", { filter: {} });
    await settled();
    expect(await files()).toEqual([]);
  });

  test("by closing, too", async () => {
    await database.upsert("c", { points: [{ id: 1, vector, blobs: { photo } }] });
    await database.delete("c", { points: [1] });
    await database.close();
    expect(await files()).toEqual([]);
    await opened();
  });

  test("what a stop has left goes after the next opening, and is whole where it is stored again", async () => {
    await database.close();
    const place = (bytes: Uint8Array) => `blobs/${sha256(bytes).slice(0, 2)}/${sha256(bytes)}`;
    const folder = home.folder("collections/1");
    for (const [path, bytes] of [
      [place(photo.bytes), photo.bytes.subarray(0, 3)],
      [place(clip.bytes), clip.bytes],
      ["blobs/incoming/1-17", clip.bytes],
    ] as const) {
      const writer = await folder.create(path);
      await writer.append(bytes);
      await writer.close();
    }
    await opened();
    await database.upsert("c", { points: [{ id: 1, vector, blobs: { photo } }] });
    expect(await read(1, "photo")).toEqual(photo.bytes);
    await reopened();
    expect(await files()).toEqual([sha256(photo.bytes)]);
    expect(await read(1, "photo")).toEqual(photo.bytes);
  });

  test("not while it is read", async () => {
    const large = new Uint8Array(3 * 2 ** 20).fill(7);
    await database.upsert("c", {
      points: [{ id: 1, vector, blobs: { large: { type: "x/y", bytes: large } } }],
    });
    const { bytes } = await database.getBlob("c", 1, "large");
    const reading = bytes[Symbol.asyncIterator]();
    await reading.next();
    await database.delete("c", { points: [1] });
    await settled();
    let size = 2 ** 20;
    for (let next = await reading.next(); !next.done; next = await reading.next()) size += next.value.length;
    expect(size).toBe(large.length);
  });
});

test("snapshots that are taken between writes hold what they name", async () => {
  const names: string[] = [];
  const writing = (async () => {
    for (let i = 0; i < 120; i++) {
      const text = { type: "x/y", bytes: bytesOf(`text ${i % 7}`) };
      if (i % 3 === 0) await database.upsert("c", { points: [{ id: i % 5, vector, blobs: { text } }] });
      else if (i % 3 === 1) await database.putBlob("c", i % 5, "more", text).catch(() => {});
      else await database.delete("c", { points: [(i + 1) % 5] });
      if (i % 10 === 0) await settled();
    }
  })();
  for (let i = 0; i < 8; i++) names.push((await database.createSnapshot("c")).name);
  await writing;
  let found = 0;
  for (const name of names) {
    await database.uploadSnapshot("copy", await database.downloadSnapshot("c", name));
    const { points } = await database.scroll("copy", { with_blobs: { inline: true } });
    for (const { blobs } of points)
      for (const { base64 } of Object.values(blobs ?? {})) {
        expect(Buffer.from(base64 ?? "", "base64").toString()).toMatch(/^text [0-6]$/);
        found++;
      }
  }
  expect(found).toBeGreaterThan(0);
});

test("bytes that are not those that were stored are CORRUPTION, and name the file", async () => {
  await database.upsert("c", { points: [{ id: 1, vector, blobs: { photo } }] });
  const path = `collections/1/blobs/${sha256(photo.bytes).slice(0, 2)}/${sha256(photo.bytes)}`;
  await home.delete(path);
  await expect(read(1, "photo")).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
  const writer = await home.create(path);
  await writer.append(bytesOf("b photo"));
  await expect(read(1, "photo")).rejects.toMatchObject({
    code: "CORRUPTION",
    message: expect.stringContaining(sha256(photo.bytes)),
  });
});

describe("refusals name the culprit and change nothing", () => {
  test("limits", async () => {
    await database.close();
    await opened({ maxBytes: 10, perPoint: 1 });
    const point = { id: 1, vector };
    await database.upsert("c", { points: [{ ...point, blobs: { photo } }] });
    const refused: [() => Promise<unknown>, object][] = [
      [
        () => database.upsert("c", { points: [{ ...point, blobs: { clip } }] }),
        { code: "BODY_TOO_LARGE", details: { path: "points[0].blobs.clip", allowed: 10 } },
      ],
      [
        () => database.upsert("c", { points: [{ ...point, blobs: { a: photo, b: photo } }] }),
        { code: "OUT_OF_RANGE", details: { path: "points[0]", allowed: 1, actual: 2 } },
      ],
      [() => database.putBlob("c", 1, "photo", clip), { code: "BODY_TOO_LARGE" }],
      [() => database.putBlob("c", 1, "more", photo), { code: "OUT_OF_RANGE", details: { actual: 2 } }],
    ];
    for (const [refusal, expected] of refused) await expect(refusal()).rejects.toMatchObject(expected);
    expect(Object.keys((await shown(1)) ?? {})).toEqual(["photo"]);
    await database.putBlob("c", 1, "photo", { type: "x/y", bytes: bytesOf("new") });
    await settled();
    expect(await files()).toEqual([sha256(bytesOf("new"))]);
  });

  test("bad input", async () => {
    await database.upsert("c", { points: [{ id: 1, vector, blobs: { photo } }] });
    const upsert = (blobs: object) => () =>
      database.upsert("c", { points: [{ id: 1, vector, blobs: blobs as { [name: string]: typeof photo } }] });
    const refused: [() => Promise<unknown>, string, string][] = [
      [upsert({ "../x": photo }), "OUT_OF_RANGE", "../x"],
      [upsert({ photo: { type: "jpeg", bytes: photo.bytes } }), "OUT_OF_RANGE", "media type"],
      [upsert({ photo: { type: "image/jpeg" } }), "BAD_REQUEST", "points[0].blobs.photo"],
      [upsert({ photo: { ...photo, base64: "aaaa" } }), "BAD_REQUEST", "points[0].blobs.photo"],
      [upsert({ photo: { type: "image/jpeg", base64: "%" } }), "BAD_REQUEST", "photo.base64"],
      [() => database.putBlob("c", 2, "photo", photo), "POINT_NOT_FOUND", "2"],
      [() => database.putBlob("c", 1, "__proto__", photo), "OUT_OF_RANGE", "__proto__"],
      [
        () => database.putBlob("c", 1, "photo", { type: "a\nb/c", bytes: photo.bytes }),
        "OUT_OF_RANGE",
        "type",
      ],
      [() => database.putBlob("c", 1, "photo", { type: "x/y" } as never), "BAD_REQUEST", "bytes"],
      [() => database.getBlob("c", 1, "constructor"), "BLOB_NOT_FOUND", "constructor"],
      [() => database.getBlob("c", 1, "photo", { start: 8 }), "OUT_OF_RANGE", "range.start"],
      [() => database.getBlob("c", 1, "photo", { length: -1 }), "OUT_OF_RANGE", "range.length"],
      [() => database.deleteBlob("c", 1, "clip"), "BLOB_NOT_FOUND", "clip"],
      [() => database.scroll("c", { with_blobs: ["a b"] }), "OUT_OF_RANGE", "a b"],
    ];
    for (const [refusal, code, culprit] of refused)
      await expect(refusal(), culprit).rejects.toMatchObject({
        code,
        message: expect.stringContaining(culprit),
      });
    expect(await read(1, "photo")).toEqual(photo.bytes);
  });

  test("a source that fails half way", async () => {
    await database.upsert("c", { points: [{ id: 1, vector }] });
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(6 * 2 ** 20);
      throw new Error("the line was cut");
    }
    const put = database.putBlob("c", 1, "photo", { type: "x/y", bytes: failing() });
    await expect(put).rejects.toThrow("the line was cut");
    expect(await shown(1)).toEqual({});
    expect(await home.folder("collections/1/blobs").list()).toEqual([]);
  });
});
