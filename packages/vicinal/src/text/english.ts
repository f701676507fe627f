/**
 * English stems. Porter, An algorithm for suffix stripping (Program, 1980), in its second form, which Snowball calls
 * "english" (Porter, 2001): suffixes are cut or replaced in five steps, each only where enough of the word stays: in R1
 * (after the first non-vowel that follows a vowel) or R2 (the same again within R1).
 *
 * Words come in lower case; others are left as they are, letter by letter.
 */

/** Whole words that the rules would spoil. */
const whole = new Map(
  Object.entries({
    skis: "ski",
    skies: "sky",
    dying: "die",
    lying: "lie",
    tying: "tie",
    idly: "idl",
    gently: "gentl",
    ugly: "ugli",
    early: "earli",
    only: "onli",
    singly: "singl",
    sky: "sky",
    news: "news",
    howe: "howe",
    atlas: "atlas",
    cosmos: "cosmos",
    bias: "bias",
    andes: "andes",
  }),
);
/** Words that are done once a plural has been cut. */
const final = new Set("inning outing canning herring earring proceed exceed succeed".split(" "));

/** Suffixes with what takes their place, longest first. */
type Rule = readonly [suffix: string, replacement: string];
const rules = (text: string): Rule[] =>
  text
    .split(" ")
    .map((pair): Rule => {
      const [suffix, replacement] = pair.split(">");
      return [suffix, replacement];
    })
    .sort(([a], [b]) => b.length - a.length);

const inSecondStep = rules(
  "tional>tion enci>ence anci>ance abli>able entli>ent izer>ize ization>ize ational>ate ation>ate ator>ate alism>al " +
    "aliti>al alli>al fulness>ful ousli>ous ousness>ous iveness>ive iviti>ive biliti>ble bli>ble ogi>og fulli>ful " +
    "lessli>less li>",
);
const inThirdStep = rules("tional>tion ational>ate alize>al icate>ic iciti>ic ical>ic ful> ness> ative>");
const inFourthStep = rules(
  "al> ance> ence> er> ic> able> ible> ant> ement> ment> ent> ism> ate> iti> ous> ive> ize> ion>",
);

const vowel = /[aeiouy]/;
const doubled = /(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/;
const shortSyllable = /(?:[^aeiouy][aeiouy][^aeiouywxY]|^[aeiouy][^aeiouy])$/;
/** Prefixes after which R1 begins, whatever the rule says. */
const regionPrefix = /^(?:gener|commun|arsen)/;

export function stemEnglish(given: string): string {
  if (given.length < 3) return given;
  const exception = whole.get(given);
  if (exception !== undefined) return exception;
  // Consonant y is written Y while the rules run.
  let word = given.replace(/^'/, "").replace(/(^|[aeiouy])y/g, "$1Y");
  const first = regionPrefix.exec(word)?.[0].length ?? regionAfter(word, 0);
  const second = regionAfter(word, first);
  word = cutPlural(word.replace(/(?:'s'|'s|')$/, ""));
  if (final.has(word)) return word;
  word = cutPast(word, first);
  word = word.replace(/(?<=.[^aeiouy])[yY]$/, "i");
  word = replaceSuffix(word, inSecondStep, first, isKeptInSecondStep);
  word = replaceSuffix(
    word,
    inThirdStep,
    first,
    (suffix, stem) => suffix === "ative" && stem.length < second,
  );
  word = replaceSuffix(word, inFourthStep, second, (suffix, stem) => suffix === "ion" && !/[st]$/.test(stem));
  return cutLast(word, first, second).replaceAll("Y", "y");
}

/** Where the region begins that follows the first non-vowel after a vowel. */
function regionAfter(word: string, from: number): number {
  for (let i = from + 1; i < word.length; i++) {
    if (vowel.test(word[i - 1]) && !vowel.test(word[i])) return i + 1;
  }
  return word.length;
}

function cutPlural(word: string): string {
  if (word.endsWith("sses")) return word.slice(0, -2);
  if (/ie[ds]$/.test(word)) return word.slice(0, word.length > 4 ? -2 : -1);
  if (/[us]s$/.test(word)) return word;
  return /[aeiouy].+s$/.test(word) ? word.slice(0, -1) : word;
}

function cutPast(word: string, first: number): string {
  const kept = /^(.*)eed(?:ly)?$/.exec(word);
  if (kept) return kept[1].length >= first ? `${kept[1]}ee` : word;
  const stem = /^(.*?)(?:ed|ing)(?:ly)?$/.exec(word)?.[1];
  if (stem === undefined || !vowel.test(stem)) return word;
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (doubled.test(stem)) return stem.slice(0, -1);
  return first >= stem.length && shortSyllable.test(stem) ? `${stem}e` : stem;
}

/** Replaces the longest suffix that stands there, if it lies in the region and is not kept. */
function replaceSuffix(
  word: string,
  list: readonly Rule[],
  region: number,
  isKept: (suffix: string, stem: string) => boolean,
): string {
  for (const [suffix, replacement] of list) {
    if (!word.endsWith(suffix)) continue;
    const stem = word.slice(0, -suffix.length);
    return stem.length < region || isKept(suffix, stem) ? word : stem + replacement;
  }
  return word;
}

function isKeptInSecondStep(suffix: string, stem: string): boolean {
  if (suffix === "ogi") return !stem.endsWith("l");
  return suffix === "li" && !/[cdeghkmnrt]$/.test(stem);
}

function cutLast(word: string, first: number, second: number): string {
  const stem = word.slice(0, -1);
  if (word.endsWith("e")) {
    const cut = stem.length >= second || (stem.length >= first && !shortSyllable.test(stem));
    return cut ? stem : word;
  }
  return word.endsWith("ll") && stem.length >= second ? stem : word;
}
