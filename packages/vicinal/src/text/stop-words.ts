/** Words too frequent to tell texts apart, by language. */
import { stopWords } from "./bundled/stop-words.js";
import { lowerCase } from "./unicode.js";

/** Contractions, which the bundled list of English lacks. */
const contractions =
  "aren't couldn't didn't doesn't don't hadn't hasn't haven't isn't it's mightn't mustn't needn't shan't she's should've " +
  "shouldn't that'll wasn't weren't won't wouldn't you'd you'll you're you've ain aren couldn didn doesn hadn hasn haven " +
  "isn ma mightn mustn needn shan shouldn wasn weren won wouldn d ll m o re ve y";

/** Names as in Qdrant, and their short forms. */
export const stopWordLanguages: Readonly<Record<string, string | undefined>> = {
  arabic: "ar",
  basque: "eu",
  bengali: "bn",
  catalan: "ca",
  chinese: "zh",
  danish: "da",
  dutch: "nl",
  english: "en",
  finnish: "fi",
  french: "fr",
  german: "de",
  greek: "el",
  hebrew: "he",
  hungarian: "hu",
  indonesian: "id",
  italian: "it",
  japanese: "jp",
  kazakh: "kk",
  nepali: "ne",
  norwegian: "no",
  portuguese: "pt",
  romanian: "ro",
  russian: "ru",
  slovene: "sl",
  spanish: "es",
  swedish: "sv",
  turkish: "tr",
};

/** Known to Qdrant; no list under a free licence was at hand. */
export const missingStopWordLanguages: Readonly<Record<string, string>> = {
  azerbaijani: "az",
  hinglish: "hi-en",
  tajik: "tg",
};

/** @param language A name or its short form. */
export function stopWordsOf(language: string): string[] {
  const name = fullName(stopWordLanguages, language);
  const words = stopWords[name].split("|");
  return name === "english" ? [...words, ...contractions.split(" ")] : words;
}

export interface StopWordsSet {
  languages?: string[] | null;
  custom?: string[] | null;
}

/** All words that are meant, in lower case if tokens are. */
export function stopWordSet(
  given: string | StopWordsSet | null | undefined,
  lowercase: boolean,
): ReadonlySet<string> {
  const { languages, custom } = typeof given === "string" ? { languages: [given] } : (given ?? {});
  const words = [...(languages ?? []).flatMap(stopWordsOf), ...(custom ?? [])];
  return new Set(lowercase ? words.map(lowerCase) : words);
}

/** The name that a name or its short form stands for. */
export function fullName(names: Readonly<Record<string, string | undefined>>, given: string): string {
  return Object.keys(names).find((name) => name === given || names[name] === given) ?? given;
}
