// Writes src/text/unicode-data.ts: what text analysis needs to know of Unicode, from the platform that runs this. The
// output is committed and changes only when somebody runs this on purpose, since saved indexes depend on it: raise
// ANALYSIS_VERSION (src/text/analyzer.ts) with it.
import { writeFile } from "node:fs/promises";

const LAST = 0x10ffff;
const isSurrogate = (code) => code >= 0xd800 && code <= 0xdfff;

/** Gaps and lengths of the ranges of a property, in base 36. */
function ranges(property) {
  const found = [];
  for (let code = 0; code <= LAST; code++) {
    if (isSurrogate(code) || !property.test(String.fromCodePoint(code))) continue;
    const last = found.at(-1);
    if (last && last[1] === code - 1) last[1] = code;
    else found.push([code, code]);
  }
  let at = 0;
  return found
    .map(([first, last]) => {
      const text = `${(first - at).toString(36)} ${(last - first).toString(36)}`;
      at = last;
      return text;
    })
    .join(" ");
}

/** Runs of code points whose lower case is as far away: first, count, step, distance, in base 36. */
function lowerRuns() {
  const runs = [];
  for (let code = 0x80; code <= LAST; code++) {
    if (isSurrogate(code)) continue;
    const lower = String.fromCodePoint(code).toLowerCase();
    if (lower === String.fromCodePoint(code) || [...lower].length !== 1) continue;
    const distance = lower.codePointAt(0) - code;
    const run = runs.at(-1);
    const step = run && code - (run.first + (run.count - 1) * run.step);
    if (run && run.distance === distance && step <= 2 && (run.count === 1 || step === run.step)) {
      run.step = step;
      run.count++;
    } else runs.push({ first: code, count: 1, step: 1, distance });
  }
  let at = 0;
  return runs
    .map(({ first, count, step, distance }) => {
      const text = [first - at, count, step, distance].map((n) => n.toString(36)).join(" ");
      at = first;
      return text;
    })
    .join(" ");
}

/** Letters that Unicode does not decompose, with what they are written as in ASCII. */
const letters =
  "ÆAE æae ŒOE œoe ØO øo ÐD ðd ÞTH þth ßss ẞSS ĐD đd ĦH ħh ıi ĸq ŁL łl ŊN ŋn ŦT ŧt ſs ƀb ƁB ƂB ƃb ƇC ƈc ƉD ƊD ƋD ƌd ƎE ƏA əa " +
  "ƐE ƑF ƒf ƓG ƗI ƘK ƙk ƚl ƜM ƝN ƞn ƟO ƤP ƥp ƫt ƬT ƭt ƮT ƲV ƳY ƴy ƵZ ƶz ǤG ǥg ȠN ȡd ȤZ ȥz ȺA ȻC ȼc ȽL ȾT ȿs ɀz ɃB ɄU ɅV ɆE ɇe ɈJ ɉj " +
  "ɊQ ɋq ɌR ɍr ɎY ɏy ɐa ɓb ɔo ɕc ɖd ɗd ɘe ɛe ɟj ɠg ɡg ɢG ɥh ɦh ɨi ɪI ɫl ɬl ɭl ɯm ɱm ɲn ɳn ɴN ɵo ɶOE ɼr ɽr ɾr ʀR ʂs ʄj ʇt ʈt ʉu ʋv " +
  "ʌv ʍw ʎy ʏY ʐz ʑz ʙB ʛG ʜH ʝj ʞk ʟL ʠq ‐- ‑- ‒- –- —- ‘' ’' ‚' ‛' “\" ”\" „\" ‹' ›' «\" »\" ⁄/";

function folded() {
  const map = new Map();
  for (let code = 0x80; code <= 0xffff; code++) {
    if (isSurrogate(code)) continue;
    const plain = String.fromCodePoint(code).normalize("NFKD").replace(/\p{M}/gu, "");
    if (/^[\x21-\x7e]+$/.test(plain)) map.set(code, plain);
  }
  for (const entry of letters.split(" ")) map.set(entry.codePointAt(0), entry.slice(1));
  // Runs of equal step are rare here: each entry is its distance from the one before and its text.
  let at = 0;
  return [...map]
    .sort(([a], [b]) => a - b)
    .map(([code, text]) => {
      const entry = `${(code - at).toString(36)} ${text}`;
      at = code;
      return entry;
    })
    .join(" ");
}

const lines = (name, comment, text) =>
  `\n/** ${comment} */\nexport const ${name}: string =\n  ${JSON.stringify(text)};\n`;

await writeFile(
  new URL("../src/text/unicode-data.ts", import.meta.url),
  `// Written by tools/unicode-data.mjs from Unicode ${process.versions.unicode}; do not edit.\n` +
    lines(
      "alphabetic",
      "Ranges of the property Alphabetic: gap and length - 1, in base 36.",
      ranges(/\p{Alphabetic}/u),
    ) +
    lines("numeric", "Ranges of the category N, in the same form.", ranges(/\p{N}/u)) +
    lines(
      "lowerRuns",
      "Simple lower case beyond ASCII: gap, count, step, distance, in base 36.",
      lowerRuns(),
    ) +
    lines("foldings", "What letters and signs are in ASCII: gap in base 36, text.", folded()),
);
