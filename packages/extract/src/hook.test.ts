/** What a model's hook takes from requests, and what it refuses. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ExtractError } from "./errors.js";
import { hookOf } from "./hook.js";
import type { Modality, Model } from "./models/model.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-hook-"));
  mkdirSync(join(folder, "open"));
  writeFileSync(join(folder, "open/in.bin"), Uint8Array.of(7));
  writeFileSync(join(folder, "secret.bin"), Uint8Array.of(9));
  symlinkSync(join(folder, "secret.bin"), join(folder, "open/link.bin"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Its vectors are the first byte, or the length of a text. */
function model(modality: Modality): Model<never> {
  return {
    id: "first",
    modality,
    metric: "Dot",
    dimensions: 1,
    embed: async (items: readonly (Uint8Array | string)[]) => ({
      vectors: items.map((item) => Float32Array.of(typeof item === "string" ? item.length : item[0])),
      failures: items.flatMap((item, index) =>
        item[0] === 5 ? [{ index, error: new ExtractError("IMAGE_UNREADABLE", "a five") }] : [],
      ),
    }),
    close: async () => {},
  } as Model<never>;
}

const context = { kind: "document" as const, signal: new AbortController().signal };
const base64 = (byte: number) => Buffer.from([byte]).toString("base64");

async function first(modality: Modality, input: object, files?: string): Promise<unknown> {
  const vectors = await hookOf(model(modality), { files })([{ options: {}, ...input }], context);
  return (vectors as Float32Array[])[0][0];
}

it("takes base64, data addresses, objects that are sounds, and texts", async () => {
  expect(await first("image", { image: base64(3) })).toBe(3);
  expect(await first("image", { image: `data:image/png;base64,${base64(4)}` })).toBe(4);
  expect(await first("audio", { object: { audio: base64(6) } })).toBe(6);
  expect(await first("audio", { object: base64(6) })).toBe(6);
  expect(await first("text", { text: "http://four" })).toBe(11);
});

it("reads files of the folder that is allowed, and no others", async () => {
  const open = join(folder, "open");
  const image = (...names: string[]) => ({ image: pathToFileURL(join(open, ...names)).href });
  expect(await first("image", image("in.bin"), open)).toBe(7);
  await expect(first("image", image("in.bin"))).rejects.toThrow(/addresses of file: are not read here/);
  const outside = [image("..", "secret.bin"), image("link.bin"), image("absent.bin"), image()];
  outside.push({ image: `file://${open}/%2e%2e/secret.bin` }, { image: "file://host/in.bin" });
  for (const one of outside)
    await expect(first("image", one, open), one.image).rejects.toThrow(/is no file below the folder/);
});

it.each([
  ["image", { image: "http://127.0.0.1/a.png" }, "INPUT_UNUSABLE", /^addresses of http: are not read here/],
  ["image", { image: "no base64!" }, "INPUT_UNUSABLE", /^no base64$/],
  ["image", { text: "a cat" }, "INPUT_UNUSABLE", /^first takes `image`/],
  ["audio", { object: { sound: base64(1) } }, "INPUT_UNUSABLE", /^first takes `object: { audio }`/],
  ["image", { image: base64(5) }, "IMAGE_UNREADABLE", /^a five$/],
] as const)("refuses of an %s model %j and says which input it was", async (modality, input, code, why) => {
  const good = { text: "good", image: base64(1), object: base64(1), options: {} };
  const refused = hookOf(model(modality))([good, { options: {}, ...input }], context);
  await expect(refused).rejects.toMatchObject({ input: 1, code, message: expect.stringMatching(why) });
});

it("does not blame an input for the model's own failure", async () => {
  const broken = { ...model("text"), embed: () => Promise.reject(new ExtractError("MODEL_STOPPED", "gone")) };
  const failed = await Promise.resolve(hookOf(broken)([{ text: "a", options: {} }], context)).catch((e) => e);
  expect(failed).toMatchObject({ code: "MODEL_STOPPED" });
  expect(failed).not.toHaveProperty("input");
});
