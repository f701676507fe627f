/** CLIP's tokens by a vocabulary made for the test, and the way from a text to 512 numbers through random weights. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadModel } from "../load.js";
import { Network } from "../onnx-writer.test.helper.js";
import { seeded } from "../stub.test.helper.js";
import { ClipTokens } from "./clip-tokens.js";

const pieces = [
  "a",
  "c",
  "t",
  "a</w>",
  "t</w>",
  "s</w>",
  "at</w>",
  "cat</w>",
  "ca",
  "!</w>",
  "'s</w>",
  "'",
  "Ã",
  "©</w>",
  "Ã©</w>",
  "5</w>",
];
const merges = ["a t</w>", "c at</w>", "c a", "' s</w>", "Ã ©</w>"];
const vocab = Object.fromEntries(
  [...pieces, "<|startoftext|>", "<|endoftext|>"].map((piece, id) => [piece, id]),
);
const json = JSON.stringify({ model: { vocab, merges } });
const [begin, end] = [vocab["<|startoftext|>"], vocab["<|endoftext|>"]];

it.each([
  ["cat", ["cat</w>"]],
  ["  CAT\n cat's!", ["cat</w>", "cat</w>", "'s</w>", "!</w>"]],
  ["ca", ["c", "a</w>"]],
  ["é 55", ["Ã©</w>", "5</w>", "5</w>"]],
  ["tat", ["t", "at</w>"]],
])("splits %j as byte pair encoding does", (text, expected) => {
  const tokens = new ClipTokens("t", json);
  expect(tokens.ids(text, 77)).toEqual([begin, ...expected.map((piece) => vocab[piece]), end]);
  const pairs = JSON.stringify({ model: { vocab, merges: merges.map((merge) => merge.split(" ")) } });
  expect(new ClipTokens("t", pairs).ids(text, 77)).toEqual(tokens.ids(text, 77));
});

it("cuts what is too long, takes what is unknown for the end, refuses what is no tokenizer", () => {
  const tokens = new ClipTokens("t", json);
  const long = tokens.ids("cat ".repeat(200), 77);
  expect([long.length, long[0], long[76]]).toEqual([77, begin, end]);
  expect(tokens.ids("z", 77)).toEqual([begin, end, end]);
  for (const wrong of ["", "{}", JSON.stringify({ model: { vocab: {}, merges } })])
    expect(() => new ClipTokens("file.json", wrong)).toThrow(/file.json is no tokenizer/);
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-clip-"));
  mkdirSync(join(folder, "clip_vit_base_patch32"));
  const network = new Network(seeded(77));
  network.embedding("input_ids", pieces.length + 2, 512, "text_embeds");
  const bytes = network.finish({}, { text_embeds: ["n", 512] }, { input_ids: ["n", "tokens"] });
  writeFileSync(join(folder, "clip_vit_base_patch32/text_model.onnx"), bytes);
  writeFileSync(join(folder, "clip_vit_base_patch32/tokenizer.json"), json);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("gives 512 numbers a text, by its tokens; empty texts fail alone", async () => {
  const model = await loadModel("clip-vit-base-patch32-text", { folder });
  const { vectors, failures } = await model.embed(["cat", "CAT ", "", "ca"]);
  await model.close();
  expect(failures).toMatchObject([{ index: 2, error: { code: "TEXT_EMPTY" } }]);
  expect(vectors.map((vector) => vector?.length)).toEqual([512, 512, undefined, 512]);
  expect(vectors[0]).toEqual(vectors[1]);
  expect(vectors[0]).not.toEqual(vectors[3]);
}, 30_000);
