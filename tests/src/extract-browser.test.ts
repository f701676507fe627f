/** Extraction in a page of a real browser gives the vectors that it gives in Node. */
import { readFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, extname, join } from "node:path";
import { decodeImage, loadModel } from "@vicinal/extract";
import { encode } from "fast-png";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browserIsThere, bundlePage, withPage } from "./chromium.test.helper.js";
import type { Seen } from "./extract-page.js";

const { VICINAL_DATA: data, VICINAL_MODELS: models } = process.env;
const present = browserIsThere();
if (!data || !models) console.log("Skipped: VICINAL_DATA and VICINAL_MODELS name no folders");

const types: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

function cosine(a: ArrayLike<number> | undefined, b: ArrayLike<number> | undefined): number {
  if (!a || !b) return Number.NaN;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}

describe.runIf(present && data && models)("extraction in Chromium", () => {
  const folder = join(import.meta.dirname, `bundle-extract-${process.pid}`);
  const ort = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));
  const asked: string[] = [];
  const files: Record<string, Uint8Array> = {};
  let server: Server;
  let seen: Seen;
  const photoNames = ["tabby.jpg", "engine.jpg", "tabby.png"];
  const badNames = ["broken.jpg", "bomb.png", "unknown.bin"];

  /** A model's file whose first download breaks off behind its first half. */
  const cut = () => files["models/cut.onnx"];

  async function fileOf(path: string): Promise<Uint8Array> {
    if (path in files) return files[path];
    if (path.startsWith("ort/")) return readFile(join(ort, path.slice(4)));
    if (path.startsWith("models/")) return readFile(join(models as string, path.slice(7)));
    return readFile(join(folder, "dist", path));
  }

  beforeAll(async () => {
    await bundlePage(folder, "../extract-page.js");
    const photo = (name: string) => readFileSync(join(data as string, "photos", name));
    files["tabby.jpg"] = photo("n02123045_tabby.jpg");
    files["engine.jpg"] = photo("n03345487_fire_engine.jpg");
    const { width, height, data: rgb } = await decodeImage(files["tabby.jpg"]);
    files["tabby.png"] = encode({ width, height, data: rgb, channels: 3, depth: 8 });
    files["broken.jpg"] = files["tabby.jpg"].slice(0, 12);
    const bomb = files["tabby.png"].slice();
    new DataView(bomb.buffer).setUint32(16, 60_000);
    new DataView(bomb.buffer).setUint32(20, 60_000);
    files["bomb.png"] = bomb;
    files["unknown.bin"] = new TextEncoder().encode("This is no picture at all, of no format.");
    // Half a second at 22.05 kHz, so that it has to be resampled.
    files["sound.wav"] = wav(22_050, (t) => Math.sin(2 * Math.PI * 440 * t) * Math.exp(-3 * t));
    files["models/cut.onnx"] = await readFile(join(models as string, "mobilenet_v2/mobilenet_v2.onnx"));
    files["models/wrong.onnx"] = new Uint8Array(100);
    server = createServer(async (request, response) => {
      const path = (request.url as string).slice(1) || "index.html";
      const { range } = request.headers;
      asked.push(range ? `${path} ${range}` : path);
      const bytes = await fileOf(path).catch(() => undefined);
      if (!bytes) return response.writeHead(404).end();
      const headers = { "content-type": types[extname(path)] ?? "application/octet-stream", etag: '"1"' };
      const from = range && request.headers["if-range"] === '"1"' ? Number(/\d+/.exec(range)?.[0]) : 0;
      response.writeHead(from ? 206 : 200, { ...headers, "content-length": bytes.length - from });
      if (bytes === cut() && !range)
        return response.write(bytes.subarray(0, bytes.length >> 1), () =>
          // What is on its way arrives before the connection ends.
          setTimeout(() => response.destroy(), 200),
        );
      response.end(bytes.subarray(from));
    });
    await new Promise<void>((listening) => {
      server.listen(0, "127.0.0.1", listening);
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    seen = await withPage(async (page) => {
      await page.goto(url);
      return page.evaluate(
        ([photos, others]) =>
          (globalThis as unknown as { run(a: string[], b: string[]): Promise<Seen> }).run(photos, others),
        [photoNames, badNames],
      );
    });
  }, 90_000);

  afterAll(async () => {
    server?.closeAllConnections();
    server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("vectors are those of Node, in the page and in a worker", async () => {
    const model = await loadModel("mobilenet-v2");
    const { vectors } = await model.embed(photoNames.map((name) => files[name]));
    await model.close();
    const least = [0.99, 0.99, 0.9999];
    for (const [i, vector] of vectors.entries()) {
      expect(cosine(seen.photos[i], vector), photoNames[i]).toBeGreaterThan(least[i]);
      expect(cosine(seen.inWorker[i], seen.photos[i]), photoNames[i]).toBeGreaterThan(0.99999);
    }
    // Not every picture is the same.
    expect(cosine(seen.photos[1], vectors[0])).toBeLessThan(0.8);
    const yamnet = await loadModel("yamnet");
    const sounds = await yamnet.embed([files["sound.wav"]]);
    await yamnet.close();
    expect(cosine(seen.sound, sounds.vectors[0])).toBeGreaterThan(0.9999);
  });

  test("what is no picture, or too large a one, fails alone", () => {
    expect(seen.failures).toEqual(["0 IMAGE_UNREADABLE", "1 IMAGE_TOO_LARGE", "2 IMAGE_UNREADABLE"]);
    expect(seen.cancelled).toBe("MODEL_STOPPED");
    expect(seen.refused).toMatchObject({
      wrong: "MODEL_DAMAGED",
      pixels: "IMAGE_TOO_LARGE",
      decoder: "IMAGE_UNREADABLE",
      native: "MODEL_NOT_FOUND",
      packaged: "MODEL_NOT_FOUND",
    });
  });

  test("models are downloaded once, resumed, and kept; what is missing is said", () => {
    expect(seen.progress).toBe(true);
    expect(asked.filter((path) => path === "models/mobilenet_v2/mobilenet_v2.onnx")).toHaveLength(1);
    expect(seen.refused).toMatchObject({ broken: "MODEL_NOT_FOUND", resumed: "nothing" });
    const rest = asked.filter((path) => path.startsWith("models/cut.onnx"));
    expect(rest).toHaveLength(2);
    const resumedFrom = Number(/bytes=(\d+)-$/.exec(rest[1])?.[1]);
    expect(resumedFrom).toBeGreaterThan(0);
    expect(resumedFrom).toBeLessThanOrEqual(cut().length >> 1);
    expect(seen.missing).toMatch(
      /resnet-50 cannot be had .*put resnet_50\/resnet_50\.onnx below http.*\/models\//,
    );
    expect(asked).toContain("ort/ort-wasm-simd-threaded.wasm");
  });
});

function wav(sampleRate: number, at: (seconds: number) => number): Uint8Array {
  const count = sampleRate / 2;
  const view = new DataView(new ArrayBuffer(44 + 2 * count));
  const tag = (offset: number, text: string) => {
    for (let i = 0; i < 4; i++) view.setUint8(offset + i, text.charCodeAt(i));
  };
  tag(0, "RIFF");
  view.setUint32(4, 36 + 2 * count, true);
  tag(8, "WAVE");
  tag(12, "fmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, 2 * sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  tag(36, "data");
  view.setUint32(40, 2 * count, true);
  for (let i = 0; i < count; i++) view.setInt16(44 + 2 * i, at(i / sampleRate) * 32_000, true);
  return new Uint8Array(view.buffer);
}
