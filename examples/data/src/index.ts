/** Public data of the examples: where it lies, how it gets there, and what it holds. */

export { type FilmText, filmTexts } from "./films.js";
export { type DataOptions, type Download, dataFolder } from "./folder.js";
export { type Film, type Rating, type Ratings, readRatings } from "./ratings.js";
export { type SentencePair, sentencePairs } from "./sentences.js";
