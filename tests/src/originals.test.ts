/** Originals over HTTP: a blob's own URL, as browsers and programs ask for it; snapshots, readers and checks that know of them. */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { open, repair, verify } from "vicinal";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Served, serve, withFolder } from "./homes.js";

const vectors = { size: 2, distance: "Dot" as const };
const photo = Buffer.from("0123456789");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const etag = `"${sha256(photo)}"`;

describe("a blob's own URL", () => {
  let served: Served;
  let finish: () => void;
  let over: Promise<void>;
  let at: string;

  beforeAll(async () => {
    await new Promise<void>((ready, fail) => {
      over = withFolder(async (home) => {
        served = await serve(home);
        at = `${served.url}/collections/c/points/1/blobs`;
        ready();
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        await served.close();
      });
      over.catch(fail);
    });
  });
  afterAll(() => {
    finish();
    return over;
  });

  beforeEach(async () => {
    await served.database.deleteCollection("c");
    await served.database.createCollection("c", { vectors });
    await served.database.upsert("c", { points: [{ id: 1, vector: [1, 0] }] });
    const answer = await put("photo", photo, "image/jpeg");
    expect(answer.status).toBe(200);
  });

  const put = (name: string, body: Uint8Array, type: string) =>
    fetch(`${at}/${name}`, { method: "PUT", body: Buffer.from(body), headers: { "content-type": type } });
  const get = (headers: Record<string, string> = {}, name = "photo") => fetch(`${at}/${name}`, { headers });

  test("gives what was put, with its type and digest", async () => {
    const answer = await get();
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("image/jpeg");
    expect(answer.headers.get("content-length")).toBe("10");
    expect(answer.headers.get("etag")).toBe(etag);
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(await answer.text()).toBe("0123456789");
    const head = await fetch(`${at}/photo`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), head.headers.get("etag")]).toEqual([
      200,
      "10",
      etag,
    ]);
    expect(await head.text()).toBe("");
  });

  test("takes bytes of any type and size, also such as are JSON, and gives none where they are known", async () => {
    const json = Buffer.from('{"not":"a request"}');
    expect((await put("doc", json, "application/json")).status).toBe(200);
    expect(await (await get({}, "doc")).text()).toBe(json.toString());
    const large = randomBytes(40 * 2 ** 20);
    const answer = await put("clip", large, "video/mp4");
    expect(await answer.json()).toMatchObject({
      result: {
        type: "video/mp4",
        size: large.length,
        sha256: sha256(large),
        url: "/collections/c/points/1/blobs/clip",
      },
    });
    const got = Buffer.from(await (await get({}, "clip")).arrayBuffer());
    expect(sha256(got)).toBe(sha256(large));
    expect((await put("empty", Buffer.alloc(0), "x/y")).status).toBe(200);
    expect((await get({}, "empty")).headers.get("content-length")).toBe("0");
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      const known = await get({ "if-none-match": tag });
      expect([known.status, await known.text()]).toEqual([304, ""]);
    }
    expect((await get({ "if-none-match": '"other"' })).status).toBe(200);
  });

  test.each([
    ["bytes=2-4", 206, "234", "bytes 2-4/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=7-100", 206, "789", "bytes 7-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=-100", 200, "0123456789", null],
    ["bytes=0-", 200, "0123456789", null],
    ["bytes=10-", 416, "", "bytes */10"],
    ["bytes=-0", 416, "", "bytes */10"],
    ["bytes=4-2", 200, "0123456789", null],
    ["bytes=0-1,3-4", 200, "0123456789", null],
    ["lines=1-2", 200, "0123456789", null],
  ])("of %s gives %i", async (range, status, text, contentRange) => {
    const answer = await get({ range });
    expect([answer.status, await answer.text(), answer.headers.get("content-range")]).toEqual([
      status,
      text,
      contentRange,
    ]);
    expect((await get({ range, "if-range": '"other"' })).status).toBe(200);
  });

  test("is in answers, and goes with DELETE", async () => {
    const asked = { ids: [1], with_blobs: { names: ["photo"], inline: true } };
    const answer = await fetch(`${served.url}/collections/c/points`, {
      method: "POST",
      body: JSON.stringify(asked),
      headers: { "content-type": "application/json" },
    });
    const [{ blobs }] = ((await answer.json()) as { result: { blobs: { photo: Record<string, unknown> } }[] })
      .result;
    expect(blobs).toEqual({
      photo: {
        type: "image/jpeg",
        size: 10,
        sha256: sha256(photo),
        url: "/collections/c/points/1/blobs/photo",
        base64: photo.toString("base64"),
      },
    });
    expect(await (await fetch(served.url + blobs.photo.url)).text()).toBe("0123456789");
    expect((await fetch(`${at}/photo`, { method: "DELETE" })).status).toBe(200);
    expect((await get()).status).toBe(404);
  });

  test("refuses by naming what it refuses", async () => {
    const refused: [Response, number, string][] = [
      [await get({}, "clip"), 404, "clip"],
      [await fetch(`${served.url}/collections/c/points/7/blobs/photo`), 404, "7"],
      [await fetch(`${served.url}/collections/c/points/x/blobs/photo`), 400, "x"],
      [await fetch(`${served.url}/collections/d/points/1/blobs/photo`), 404, "d"],
      [await put("a%20b", photo, "x/y"), 422, "a b"],
      [await put("photo", photo, "nonsense"), 422, "content-type"],
      [await put("photo", Buffer.alloc(64 * 2 ** 20 + 1), "x/y"), 413, "photo"],
    ];
    for (const [answer, status, culprit] of refused) {
      const text = await answer.text();
      expect([answer.status, text]).toEqual([status, expect.stringContaining(culprit)]);
    }
    expect(await (await get()).text()).toBe("0123456789");
  });

  test("a request that breaks off changes nothing", async () => {
    const { hostname, port } = new URL(served.url);
    await new Promise<void>((broken) => {
      const sending = request({
        hostname,
        port,
        method: "PUT",
        path: "/collections/c/points/1/blobs/photo",
        headers: { "content-type": "x/y", "content-length": 100 },
      });
      sending.on("error", () => broken());
      sending.write("half", () => setTimeout(() => sending.destroy(), 20));
      sending.on("close", () => broken());
    });
    expect(await (await get()).text()).toBe("0123456789");
    expect((await served.database.retrieve("c", { ids: [1], with_blobs: true }))[0].blobs).toMatchObject({
      photo: { size: 10 },
    });
  });
});

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

describe("in a folder", () => {
  const blobs = { photo: { type: "image/jpeg", bytes: photo } };
  const points = [
    { id: 1, vector: [1, 0], blobs },
    { id: 2, vector: [0, 1] },
  ];

  test("snapshots hold them, and what they hold outlives the points", () =>
    withFolder(async (home) => {
      const database = await open(home);
      await database.createCollection("c", { vectors });
      await database.upsert("c", { points });
      await database.putBlob("c", 2, "note", { type: "text/plain", bytes: Buffer.from("a note") });
      const { name } = await database.createSnapshot("c");
      await database.delete("c", { filter: {} });
      await database.waitForIndex("c", { everything: true });
      await database.close();
      const again = await open(home);
      await again.recoverSnapshot("c", { location: name });
      await again.uploadSnapshot("copy", await again.downloadSnapshot("c", name));
      for (const collection of ["c", "copy"]) {
        expect(await textOf((await again.getBlob(collection, 1, "photo")).bytes)).toBe("0123456789");
        expect(await textOf((await again.getBlob(collection, 2, "note")).bytes)).toBe("a note");
      }
      await again.close();
      expect((await verify(home)).ok).toBe(true);
    }));

  test("readers beside a writer read them and write none", () =>
    withFolder(async (home) => {
      const database = await open(home);
      await database.createCollection("c", { vectors });
      await database.upsert("c", { points });
      const reader = await open(home, { readOnly: true });
      expect(await textOf((await reader.getBlob("c", 1, "photo")).bytes)).toBe("0123456789");
      await database.putBlob("c", 2, "photo", { type: "x/y", bytes: Buffer.from("second") });
      await reader.refresh();
      expect(await textOf((await reader.getBlob("c", 2, "photo")).bytes)).toBe("second");
      const put = reader.putBlob("c", 1, "photo", { type: "x/y", bytes: photo });
      await expect(put).rejects.toMatchObject({ code: "READ_ONLY" });
      await reader.close();
      await database.close();
    }));

  test("verify names the damaged and the missing one, and what is left over; repair lets them go", () =>
    withFolder(async (home) => {
      const database = await open(home);
      await database.createCollection("c", { vectors });
      await database.upsert("c", { points });
      await database.putBlob("c", 2, "note", { type: "text/plain", bytes: Buffer.from("a note") });
      await database.close();
      const path = (bytes: Uint8Array) =>
        join("collections", "1", "blobs", sha256(bytes).slice(0, 2), sha256(bytes));
      await writeFile(join(home, path(photo)), "9123456789");
      await rm(join(home, path(Buffer.from("a note"))));
      const left = join("collections", "1", "blobs", "ab", `ab${"0".repeat(62)}`);
      await mkdir(join(home, left, ".."), { recursive: true });
      await writeFile(join(home, left), "left");
      const report = await verify(home);
      expect(report.ok).toBe(false);
      expect(report.collections[0].faults.map(({ file, what }) => [file, what]).sort()).toEqual(
        [
          [path(photo), "SHA-256"],
          [path(Buffer.from("a note")), "file"],
        ].sort(),
      );
      expect(report.orphans).toEqual([left]);
      const repaired = await repair(home);
      expect(repaired.collections[0].repaired).toMatchObject({ points: 2, lost: { points: 0, records: [] } });
      const again = await open(home);
      const read = await again.retrieve("c", { ids: [1, 2], with_blobs: true });
      expect(read.map(({ blobs }) => blobs)).toEqual([{}, {}]);
      await again.close();
      expect((await verify(home)).ok).toBe(true);
    }));
});
