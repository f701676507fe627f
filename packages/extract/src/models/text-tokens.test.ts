/** Tokens by small tokenizers of the four kinds that models have. */
import { expect, it } from "vitest";
import {
  clipTokenizer,
  robertaTokenizer,
  unigramTokenizer,
  wordPieceTokenizer,
} from "../tokenizer.test.helper.js";
import { textModels } from "./catalogue.js";
import { textTokens } from "./text-tokens.js";

type Made = { json: string; vocab: Record<string, number> };
const clip = clipTokenizer(["a t</w>", "c at</w>", "c a", "' s</w>", "Ã ©</w>"]);
const roberta = robertaTokenizer(["c a", "ca t", "Ġ cat"]);
const wordPiece = wordPieceTokenizer(["un", "##aff", "##able", "cat", "cafe", "!", "猫", "好"]);
const unigram = unigramTokenizer([
  ["▁how", -5],
  ["▁", -2],
  ["h", -4],
  ["o", -4],
  ["w", -4],
  ["ow", -5],
  ["▁ho", -7],
]);

it.each<[keyof typeof textModels, Made, string, string[]]>([
  ["clip-vit-base-patch32-text", clip, "  CAT\n cat's!", ["cat</w>", "cat</w>", "'s</w>", "!</w>"]],
  ["clip-vit-base-patch32-text", clip, "é 55", ["Ã©</w>", "5</w>", "5</w>"]],
  ["clip-vit-base-patch32-text", clip, "tat ca", ["t", "at</w>", "c", "a</w>"]],
  ["clap-htsat-unfused-text", roberta, "cat cat Cat", ["cat", "Ġcat", "Ġ", "C", "a", "t"]],
  ["clap-htsat-unfused-text", roberta, "é", ["Ã", "©"]],
  ["all-minilm-l6-v2", wordPiece, "Unaffable  CAFÉ!", ["un", "##aff", "##able", "cafe", "!"]],
  ["all-minilm-l6-v2", wordPiece, "cats", ["[UNK]"]],
  ["bge-small-zh-v1.5", wordPiece, "好猫 cat", ["好", "猫", "cat"]],
  ["multilingual-e5-small", unigram, "how  ho", ["▁how", "▁ho"]],
  ["multilingual-e5-small", unigram, "ｗ☃", ["▁", "w", "<unk>"]],
])("%s", async (name, { json, vocab }, text, pieces) => {
  const tokens = await textTokens(textModels[name], new TextEncoder().encode(json));
  const ids = tokens.ids(text);
  expect(ids.slice(1, -1)).toEqual(pieces.map((piece) => vocab[piece]));
  const [begin, end] = tokens.ids("");
  expect([ids[0], ids.at(-1)]).toEqual([begin, end]);
  expect(tokens.pad).toBe(vocab[textModels[name].pad]);
  const long = tokens.ids(`${text} `.repeat(600));
  const most = textModels[name].mostTokens;
  expect([long.length, long[0], long[1], long.at(-1)]).toEqual([most, begin, ids[1], end]);
});

it("refuses what is no tokenizer, or another model's, by the file's name", async () => {
  const bytes = (json: string) => new TextEncoder().encode(json);
  for (const wrong of ["", "{}", "[]", '{"model": {"type": "Other"}}'])
    await expect(textTokens(textModels["all-minilm-l6-v2"], bytes(wrong)), wrong).rejects.toMatchObject({
      code: "MODEL_DAMAGED",
      message: expect.stringMatching(/^all_minilm_l6_v2\/tokenizer\.json is no tokenizer/),
    });
  await expect(textTokens(textModels["all-minilm-l6-v2"], bytes(roberta.json))).rejects.toThrow(
    "all_minilm_l6_v2/tokenizer.json is not the model's tokenizer: it has no [PAD]",
  );
});
