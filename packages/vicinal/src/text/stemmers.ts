/**
 * Stems of words: the Snowball algorithms (Porter, Snowball: a language for stemming algorithms, 2001), as its compiler
 * writes them in JavaScript, bundled from a library; English is our own (english.ts).
 */
import { stemmers } from "./bundled/stemmers.js";
import { stemEnglish } from "./english.js";
import { fullName } from "./stop-words.js";

export type Stem = (word: string) => string;

/** Names as in Qdrant, and their short forms. */
export const stemmedLanguages: Readonly<Record<string, string>> = {
  arabic: "ar",
  armenian: "hy",
  danish: "da",
  dutch: "nl",
  english: "en",
  finnish: "fi",
  french: "fr",
  german: "de",
  greek: "el",
  hungarian: "hu",
  italian: "it",
  norwegian: "no",
  portuguese: "pt",
  romanian: "ro",
  russian: "ru",
  spanish: "es",
  swedish: "sv",
  tamil: "ta",
  turkish: "tr",
};

/** @param language A name or its short form. */
export function stemmerOf(language: string): Stem {
  const name = fullName(stemmedLanguages, language);
  return name === "english" ? stemEnglish : stemmers[name]();
}
