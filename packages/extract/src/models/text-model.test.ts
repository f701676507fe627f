/** The way from a text to its vector, through tokenizers of the models' kinds and networks that look tokens up among random numbers. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadModel } from "../load.js";
import { Network } from "../onnx-writer.test.helper.js";
import { seeded } from "../stub.test.helper.js";
import {
  clipTokenizer,
  robertaTokenizer,
  unigramTokenizer,
  wordPieceTokenizer,
} from "../tokenizer.test.helper.js";
import { textModels } from "./catalogue.js";
import { textTokens } from "./text-tokens.js";

type Name = keyof typeof textModels;
const SEED = 77;
const words = ["represent", "this", "sentence", "cat", "dog", "猫", "这", "个"];
const merges = ["c a", "ca t", "Ġ cat", "d o", "do g", "Ġ dog"];
const letters = [...new Set("▁passagequeryctdo:")].map((letter) => [letter, -4] as const);
const tokenizers: Record<Name, { json: string; vocab: Record<string, number> }> = {
  "clip-vit-base-patch32-text": clipTokenizer(["c a", "ca t</w>", "d o", "do g</w>"]),
  "clap-htsat-unfused-text": robertaTokenizer(merges),
  "all-minilm-l6-v2": wordPieceTokenizer(words),
  "multilingual-e5-small": unigramTokenizer([["▁cat", -3], ["▁dog", -3], ...letters]),
  "bge-small-en-v1.5": wordPieceTokenizer(words),
  "bge-small-zh-v1.5": wordPieceTokenizer(words),
};
const names = Object.keys(tokenizers) as Name[];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-texts-"));
  for (const name of names) {
    const { file, tokenizer, output, dimensions } = textModels[name];
    const { json, vocab } = tokenizers[name];
    const network = new Network(seeded(SEED));
    const count = Object.keys(vocab).length;
    const shape = ["n", "tokens"];
    const inputs = { input_ids: shape, attention_mask: shape, token_type_ids: shape };
    const pooled = output === "text_embeds";
    if (pooled) network.embedding("input_ids", count, dimensions, output);
    else network.lookup("input_ids", count, dimensions, output);
    const bytes = network.finish(
      {},
      { [output]: pooled ? ["n", dimensions] : [...shape, dimensions] },
      inputs,
    );
    mkdirSync(dirname(join(folder, file.path)), { recursive: true });
    writeFileSync(join(folder, file.path), bytes);
    writeFileSync(join(folder, tokenizer.path), json);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the network has for each token, drawn as it drew them; the mean of those, or the first one, of unit length. */
async function expected(name: Name, text: string): Promise<number[]> {
  const { dimensions, ...entry } = textModels[name];
  const { json, vocab } = tokenizers[name];
  const random = seeded(SEED);
  const weights = Float32Array.from(
    { length: Object.keys(vocab).length * dimensions },
    () => (random() - 0.5) * 2,
  );
  const tokens = await textTokens(textModels[name], new TextEncoder().encode(json));
  const ids = tokens.ids(text);
  const used = "tokens" in entry && entry.tokens === "first" ? ids.slice(0, 1) : ids;
  const sums = Array.from({ length: dimensions }, (_, d) =>
    used.reduce((sum, id) => sum + weights[id * dimensions + d], 0),
  );
  const length = Math.hypot(...sums);
  return sums.map((sum) => sum / length);
}

it.each(names)(
  "%s: pooled by its rule, of unit length, with its prefix; an empty text fails alone",
  async (name) => {
    const model = await loadModel(name, { folder, download: false });
    const { prefixes } = textModels[name] as { prefixes?: { document: string; query: string } };
    try {
      // Of one length where the network pools itself: it knows nothing of filling here.
      const texts = name.endsWith("-text") ? ["cat", " \n", "dog"] : ["cat", "", "dog cat dog"];
      const { vectors, failures } = await model.embed(texts);
      expect(failures).toMatchObject([{ index: 1, error: { code: "TEXT_EMPTY" } }]);
      const query = await model.embed(["cat"], { kind: "query" });
      const pairs: [Float32Array | undefined, string][] = [
        [vectors[0], `${prefixes?.document ?? ""}${texts[0]}`],
        [vectors[2], `${prefixes?.document ?? ""}${texts[2]}`],
        [query.vectors[0], `${prefixes?.query ?? ""}cat`],
      ];
      for (const [vector, text] of pairs) {
        const wanted = await expected(name, text);
        expect(vector).toHaveLength(wanted.length);
        for (const [d, x] of wanted.entries()) expect(vector?.[d]).toBeCloseTo(x, 5);
      }
      expect(Math.hypot(...(vectors[0] ?? []))).toBeCloseTo(1, 5);
    } finally {
      await model.close();
    }
  },
  30_000,
);

it("a text's vector does not depend on the texts beside it", async () => {
  const model = await loadModel("all-minilm-l6-v2", { folder });
  const long = "dog ".repeat(700);
  const together = await model.embed(["cat", long, "dog"]);
  const alone = await model.embed(["cat"]);
  await model.close();
  expect(together.vectors[0]).toEqual(alone.vectors[0]);
}, 30_000);

it("names the output that a network lacks", async () => {
  const other = mkdtempSync(join(tmpdir(), "vicinal-texts-"));
  try {
    mkdirSync(join(other, "all_minilm_l6_v2"));
    const network = new Network(seeded(1));
    network.lookup("input_ids", 5, 384, "other");
    const bytes = network.finish({}, { other: ["n", "t", 384] }, { input_ids: ["n", "t"] });
    writeFileSync(join(other, "all_minilm_l6_v2/model.onnx"), bytes);
    writeFileSync(join(other, "all_minilm_l6_v2/tokenizer.json"), tokenizers["all-minilm-l6-v2"].json);
    await expect(loadModel("all-minilm-l6-v2", { folder: other })).rejects.toMatchObject({
      code: "MODEL_DAMAGED",
      message: expect.stringContaining("outputs other, expected input_ids and last_hidden_state"),
    });
  } finally {
    rmSync(other, { recursive: true, force: true });
  }
}, 30_000);
