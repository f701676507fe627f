import { describe, expect, it } from "vitest";
import { type AnalyzerParams, createAnalyzer } from "./analyzer.js";
import { stemmedLanguages, stemmerOf } from "./stemmers.js";
import { stopWordLanguages, stopWordsOf } from "./stop-words.js";
import { foldToAscii, isAlphanumeric, lowerCase } from "./unicode.js";

const english = { type: "snowball", language: "english" } as const;

describe("an analyzer", () => {
  it.each<[AnalyzerParams, string, string]>([
    [{}, "Hello, World! Привет, МИР!", "hello|world|привет|мир"],
    [{ lowercase: false }, "Hello, World!", "Hello|World"],
    [{}, "it's a-b_c x2 ½ 42", "it|s|a|b|c|x2|½|42"],
    [{}, "naïve ΌΔΟΣ ΣΑΣ İstanbul", "naïve|όδος|σας|i\u0307stanbul"],
    [{}, "a\ud800b 𐐀𐐁", "a|b|𐐨𐐩"],
    [{ tokenizer: "whitespace" }, " Hello,\u00a0world!\tthe end ", "hello,|world!|the|end"],
    [{ tokenizer: "prefix", min_token_len: 1, max_token_len: 4 }, "hello, мир!", "h|he|hel|hell|м|ми|мир"],
    [{ tokenizer: "prefix", min_token_len: 3 }, "hi there", "the|ther|there"],
    [{ min_token_len: 3, max_token_len: 4 }, "a ab abc abcd abcde жёлт", "abc|abcd|жёлт"],
    [{ ascii_folding: true }, "AÇÃO não Straße Œuvre ﬁn ２", "acao|nao|strasse|oeuvre|fin|2"],
    [{ stopwords: "en" }, "The quick fox is not over it", "quick|fox"],
    [{ stopwords: { languages: ["german", "en"], custom: ["Fox"] } }, "der The FOX und Hund", "hund"],
    [{ stopwords: "english", lowercase: false }, "the The", "The"],
    [{ stemmer: english }, "testing the ponies generously", "test|the|poni|generous"],
    [{ stemmer: { type: "none" } }, "testing", "testing"],
    [{ stemmer: english, stopwords: { custom: ["tests"] }, min_token_len: 4 }, "tests testing was", "test"],
    [{ tokenizer: "multilingual" }, "It's Qdrant's café, 42 times", "it|s|qdrant|s|cafe|times"],
    [{ tokenizer: "multilingual" }, "日本語 text", "日|日本|本|本語|語|text"],
  ])("%j reads %j", (params, text, tokens) => {
    const expected = tokens === "" ? [] : tokens.split("|");
    expect(createAnalyzer(params).tokens(text)).toEqual(expected);
  });

  it("looks for the longest beginning, and for stop words, where prefixes are stored", () => {
    const analyzer = createAnalyzer({ tokenizer: "prefix", stopwords: "english", max_token_len: 4 });
    expect(analyzer.tokens("the theory")).toEqual(["t", "th", "the", "theo"]);
    expect(analyzer.queryTokens("the theory")).toEqual(["the", "theo"]);
    expect(createAnalyzer({ tokenizer: "prefix", min_token_len: 3 }).queryTokens("ab abc")).toEqual(["abc"]);
  });

  it("names its version and parameters", () => {
    const id = (params: AnalyzerParams): string => createAnalyzer(params).id;
    expect(id({})).toBe(id({ tokenizer: "word", lowercase: true, ascii_folding: false }));
    const all = [
      {},
      { lowercase: false },
      { stemmer: english },
      { stopwords: "en" },
      { tokenizer: "prefix" },
    ] as const;
    expect(new Set(all.map(id)).size).toBe(all.length);
  });
});

describe("stems", () => {
  // From the published vocabulary of the algorithm.
  it.each([
    "consign consigned consigning consignment : consign",
    "consistency consistently consist consisted : consist",
    "knack knacks : knack",
    "knightly : knight",
    "conspicuous conspicuously : conspicu",
    "sky skies : sky",
    "dying die dies : die",
    "happy happily : happi happili",
    "generate generates general generally : generat generat general general",
    "hopping hoped hope agreed feed bled luxuriated : hop hope hope agre feed bled luxuri",
    "relational conditional rational vileness : relat condit ration vile",
    "adjustable replacement adoption communism : adjust replac adopt communism",
    "proceed proceeds inning 'tis cat's yes sayyid : proceed proceed inning tis cat yes sayyid",
  ])("%s", (line) => {
    const [words, stems] = line.split(" : ").map((part) => part.split(" "));
    const stem = stemmerOf("en");
    expect(words.map(stem)).toEqual(stems.length === 1 ? words.map(() => stems[0]) : stems);
  });

  it.each<[string, string, string]>([
    ["german", "aufeinanderfolgenden", "aufeinanderfolg"],
    ["french", "continuellement", "continuel"],
    ["spanish", "chicharrones", "chicharron"],
    ["russian", "важнейшими", "важн"],
    ["swedish", "jakten", "jakt"],
    ["finnish", "edeltäjistään", "edeltäj"],
    ["turkish", "kitaplar", "kitap"],
  ])("of %s", (language, word, stem) => {
    expect(stemmerOf(language)(word)).toBe(stem);
  });

  it("know every language by name and short form", () => {
    for (const [name, short] of Object.entries(stemmedLanguages))
      expect(stemmerOf(name)("abandonnements")).toBe(stemmerOf(short)("abandonnements"));
  });
});

it("stop words of every language are there", () => {
  for (const [name, short] of Object.entries(stopWordLanguages)) {
    expect(stopWordsOf(name).length, name).toBeGreaterThan(25);
    expect(stopWordsOf(short!)).toEqual(stopWordsOf(name));
  }
  expect(stopWordsOf("en")).toEqual(expect.arrayContaining(["the", "don't", "you're"]));
});

describe("tables of Unicode", () => {
  it("agree with the platform where all versions of Unicode do", () => {
    for (let code = 0; code < 0x3000; code++) {
      const character = String.fromCodePoint(code);
      // Unassigned for the platform: it may be older.
      if (/\p{Cn}/u.test(character)) continue;
      expect([code, isAlphanumeric(code)]).toEqual([code, /[\p{Alphabetic}\p{N}]/u.test(character)]);
      if (code !== 0x3a3) expect([code, lowerCase(character)]).toEqual([code, character.toLowerCase()]);
    }
  });

  it("fold only what is not ASCII", () => {
    const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).join("");
    expect(foldToAscii(ascii)).toBe(ascii);
    expect(foldToAscii("ÀÉÎõüçñ ł ø þ 漢")).toBe("AEIoucn l o th 漢");
  });
});
