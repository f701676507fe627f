/** `vicinal serve --model`: inference objects of the three kinds over REST. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { run } from "./index.js";

const bin = fileURLToPath(new URL("../bin/vicinal.js", import.meta.url));
const { VICINAL_DATA: files, VICINAL_MODELS: models } = process.env;

let folder: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-serve-"));
});
afterEach(() => {
  child?.kill("SIGKILL");
  child = undefined;
  rmSync(folder, { recursive: true });
});

type Send = (method: string, path: string, body: unknown) => Promise<{ status: number; result: unknown }>;

async function serving(...options: string[]): Promise<Send> {
  const args = [bin, "serve", "--port", "0", "--no-grpc", "--data", join(folder, "data"), ...options];
  child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(child.stdout as NodeJS.ReadableStream, "data");
  const url = /http:\/\/[^\s,]+/.exec(String(line))?.[0];
  return async (method, path, body) => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}/collections/c${path}`, {
      method,
      headers,
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as { result?: unknown; status: unknown };
    return { status: response.status, result: answer.result ?? answer.status };
  };
}

/** Stores the inputs, numbered, and answers the number of what is nearest to the query. */
async function nearest(send: Send, size: number, inputs: object[], query: object): Promise<unknown> {
  expect((await send("PUT", "", { vectors: { size, distance: "Cosine" } })).status).toBe(200);
  const points = inputs.map((vector, id) => ({ id, vector }));
  expect(await send("PUT", "/points?wait=true", { points })).toMatchObject({ status: 200 });
  const { result } = await send("POST", "/points/query", { query, limit: 1 });
  return (result as { points: { id: unknown }[] }).points[0].id;
}

it("makes vectors of texts, and stops with its threads", async () => {
  const model = "universal-sentence-encoder-lite";
  const send = await serving("--model", model);
  const texts = ["Whales are mammals of the sea", "How do I reset my password?"];
  const inputs = texts.map((text) => ({ text, model }));
  expect(await nearest(send, 512, inputs, { text: "I forgot my login", model })).toBe(1);
  const unknown = await send("POST", "/points/query", { query: { text: "x", model: "other" } });
  expect(unknown.status).toBeGreaterThanOrEqual(400);
  const ended = once(child as ChildProcess, "exit");
  child?.kill("SIGTERM");
  expect((await ended)[0]).toBe(0);
}, 60_000);

it.skipIf(!files || !models)(
  "makes vectors of images, from base64 and from an allowed folder",
  async () => {
    const model = "mobilenet-v2";
    const photos = join(files ?? "", "photos");
    const send = await serving("--model", model, "--model-files", photos);
    const base64 = (name: string) => readFileSync(join(photos, name)).toString("base64");
    const inputs = [
      { image: base64("n03345487_fire_engine.jpg"), model },
      { image: `data:image/jpeg;base64,${base64("n02123045_tabby.jpg")}`, model },
    ];
    const cat = pathToFileURL(join(photos, "n02123159_tiger_cat.jpg")).href;
    expect(await nearest(send, 1280, inputs, { image: cat, model })).toBe(1);
    const outside = { image: pathToFileURL(join(files ?? "", "README.md")).href, model };
    const { status, result } = await send("POST", "/points/query", { query: outside });
    expect([status, JSON.stringify(result)]).toEqual([
      422,
      expect.stringMatching(/query: .*INPUT_UNUSABLE.*no file below the folder/),
    ]);
  },
  60_000,
);

it.skipIf(!files || !models)(
  "makes vectors of sounds",
  async () => {
    const model = "yamnet";
    const sounds = join(files ?? "", "sounds");
    const named = (part: string) =>
      readdirSync(sounds).filter((name) => name.includes(part) && name.endsWith(".wav"));
    const send = await serving("--model", model);
    const input = (name: string) => {
      const audio = readFileSync(join(sounds, name)).toString("base64");
      return { object: { audio }, model };
    };
    const [rooster, another] = named("rooster");
    const inputs = [input(named("rain")[0]), input(another)];
    expect(await nearest(send, 1024, inputs, input(rooster))).toBe(1);
  },
  60_000,
);

it("refuses a model that is not there before it serves", async () => {
  let errors = "";
  const spy = vi.spyOn(console, "error").mockImplementation((text) => {
    errors += text;
  });
  expect(await run(["serve", "--port", "0", "--data", join(folder, "data"), "--model", "no-such"])).toBe(1);
  expect(errors).toMatch(/no model no-such/);
  spy.mockRestore();
});
