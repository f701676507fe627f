/** Small tokenizers of the kinds that models have, as the hub writes them: `tokenizer.json`. */

/** Bytes as printable characters, as byte-level vocabularies have them. */
const printable: readonly string[] = (() => {
  const isPrintable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
})();

const special = (content: string, id: number) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

interface Written {
  json: string;
  vocab: Record<string, number>;
}

function written(vocab: Record<string, number>, specials: readonly string[], rest: object): Written {
  const added_tokens = specials.map((content) => special(content, vocab[content]));
  return { json: JSON.stringify({ version: "1.0", added_tokens, decoder: null, ...rest }), vocab };
}

const numbered = (pieces: readonly string[]) =>
  Object.fromEntries([...new Set(pieces)].map((piece, id) => [piece, id]));

/** As CLIP's: lower case, words end with `</w>`. */
export function clipTokenizer(merges: readonly string[]): Written {
  const specials = ["<|startoftext|>", "<|endoftext|>"];
  const joined = merges.map((merge) => merge.replace(" ", ""));
  const vocab = numbered([...printable, ...printable.map((c) => `${c}</w>`), ...joined, ...specials]);
  const words = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
  return written(vocab, specials, {
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFC" },
        { type: "Replace", pattern: { Regex: "\\s+" }, content: " " },
        { type: "Lowercase" },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: words }, behavior: "Removed", invert: true },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
      ],
    },
    post_processor: {
      type: "RobertaProcessing",
      sep: [specials[1], vocab[specials[1]]],
      cls: [specials[0], vocab[specials[0]]],
      trim_offsets: false,
      add_prefix_space: false,
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: specials[1],
      continuing_subword_prefix: "",
      end_of_word_suffix: "</w>",
      fuse_unk: false,
      vocab,
      merges,
    },
  });
}

/** As RoBERTa's, which CLAP has: cased, a space is part of the word behind it. */
export function robertaTokenizer(merges: readonly string[]): Written {
  const specials = ["<s>", "<pad>", "</s>", "<unk>"];
  const joined = merges.map((merge) => merge.replace(" ", ""));
  const vocab = numbered([...specials, ...printable, ...joined]);
  return written(vocab, specials, {
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
    post_processor: {
      type: "RobertaProcessing",
      sep: ["</s>", vocab["</s>"]],
      cls: ["<s>", vocab["<s>"]],
      trim_offsets: true,
      add_prefix_space: false,
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      vocab,
      merges,
    },
  });
}

const template = (begin: string, end: string, vocab: Record<string, number>) => ({
  type: "TemplateProcessing",
  single: [
    { SpecialToken: { id: begin, type_id: 0 } },
    { Sequence: { id: "A", type_id: 0 } },
    { SpecialToken: { id: end, type_id: 0 } },
  ],
  pair: [],
  special_tokens: Object.fromEntries([begin, end].map((id) => [id, { id, ids: [vocab[id]], tokens: [id] }])),
});

/** As BERT's, which MiniLM and bge have: WordPiece of lower case, Chinese characters one by one. */
export function wordPieceTokenizer(pieces: readonly string[]): Written {
  const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
  const vocab = numbered([...specials, ...pieces]);
  return written(vocab, specials, {
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: template("[CLS]", "[SEP]", vocab),
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
  });
}

/** As XLM-RoBERTa's, which e5 has: SentencePiece unigrams by their log probabilities. */
export function unigramTokenizer(pieces: readonly (readonly [string, number])[]): Written {
  const specials = ["<s>", "<pad>", "</s>", "<unk>"];
  const all = [...specials.map((piece) => [piece, 0] as const), ...pieces];
  const vocab = numbered(all.map(([piece]) => piece));
  const metaspace = { type: "Metaspace", replacement: "▁", add_prefix_space: true };
  return written(vocab, specials, {
    normalizer: { type: "NFKC" },
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, metaspace] },
    post_processor: template("<s>", "</s>", vocab),
    model: { type: "Unigram", unk_id: 3, vocab: all },
  });
}
