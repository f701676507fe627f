/** Downloads of models from a hub on this machine: resumed, checked, and refused in words. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { locateModel } from "./locate.js";

const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251);
const sha256 = createHash("sha256").update(content).digest("hex");
const file = { path: "a/model.onnx", hub: { repository: "someone/model", path: "onnx/model.onnx" }, sha256 };

let server: Server;
let hub: string;
let cache: string;
let ranges: (string | undefined)[];
/** Bytes after which the connection breaks. */
let breakAfter: number;

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "vicinal-hub-"));
  ranges = [];
  breakAfter = Number.POSITIVE_INFINITY;
  server = createServer((request, response) => {
    if (request.url !== "/someone/model/resolve/main/onnx/model.onnx") {
      response.writeHead(404).end();
      return;
    }
    ranges.push(request.headers.range);
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const rest = content.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, { "content-length": rest.length });
    if (rest.length <= breakAfter) response.end(rest);
    else {
      response.write(rest.subarray(0, breakAfter));
      setTimeout(() => response.destroy(), 50);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  hub = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(cache, { recursive: true, force: true });
});

const locate = (given = file) => locateModel("model", given, { folder: "", cache, hub });

it("downloads once, with progress", async () => {
  const seen: number[] = [];
  const onDownload = (done: number, total: number) => void seen.push(done / total);
  const bytes = await locateModel("model", file, { folder: "", cache, hub, onDownload });
  expect(Buffer.compare(bytes, content)).toBe(0);
  expect(seen.at(-1)).toBe(1);
  await locate();
  expect(ranges).toEqual([undefined]);
});

it("goes on where a download broke off", async () => {
  breakAfter = 100_000;
  await expect(locate()).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  breakAfter = Number.POSITIVE_INFINITY;
  expect(Buffer.compare(await locate(), content)).toBe(0);
  expect(ranges[1]).toMatch(/^bytes=[1-9]\d*-$/);
  expect(await readdir(join(cache, "a"))).toEqual(["model.onnx"]);
});

it("refuses other bytes, downloaded or there", async () => {
  const other = { ...file, sha256: "0".repeat(64) };
  await expect(locate(other)).rejects.toMatchObject({ code: "MODEL_DAMAGED" });
  expect(await readdir(join(cache, "a"))).toEqual([]);
  await mkdir(join(cache, "b"));
  await writeFile(join(cache, "b/model.onnx"), "not this");
  await expect(locate({ ...file, path: "b/model.onnx" })).rejects.toThrow("is not the file of model");
});

it("says what to put where when nothing can be had", async () => {
  const nowhere = { ...file, hub: { repository: "nobody/model", path: "x.onnx" } };
  await expect(locate(nowhere)).rejects.toThrow(
    /404.*put http:\S+\/nobody\/model\/resolve\/main\/x\.onnx, as a\/model\.onnx, into a folder and name that in VICINAL_MODELS$/,
  );
  const there = locateModel("model", file, { folder: "/nowhere", cache, download: false });
  await expect(there).rejects.toThrow(
    `model is not here (looked for /nowhere/a/model.onnx and ${cache}/a/model.onnx): ` +
      "put https://huggingface.co/someone/model/resolve/main/onnx/model.onnx, as a/model.onnx, into /nowhere",
  );
  const offline = locateModel("model", file, { folder: "", cache, hub: "http://127.0.0.1:1" });
  await expect(offline).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
});
