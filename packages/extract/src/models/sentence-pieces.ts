/**
 * Texts as numbers of pieces: the split of a text into pieces of a vocabulary that is likeliest by the pieces' log probabilities.
 *
 * Method: Kudo, "Subword regularization" (2018), a unigram language model; the best split by Viterbi's algorithm.
 * Cost: characters x the longest piece.
 */

/** Numbers below are kept for marks of the beginning, the end and the like; 0 is what is unknown. */
const RESERVED = 6;
const UNKNOWN = 0;
/** A character that is in no piece is taken only where there is no way around it. */
const UNKNOWN_SCORE = -100;
/** Stands for a space. */
const SPACE = "\u2581";

export class SentencePieces {
  readonly #pieces = new Map<string, { id: number; score: number }>();
  readonly #longest: number;

  constructor(vocabulary: readonly (readonly [piece: string, score: number])[]) {
    let longest = 1;
    vocabulary.forEach(([piece, score], id) => {
      if (id < RESERVED) return;
      this.#pieces.set(piece, { id, score });
      longest = Math.max(longest, [...piece].length);
    });
    this.#longest = longest;
  }

  ids(text: string): number[] {
    const characters = [...(SPACE + text.normalize("NFKC").replace(/ /g, SPACE))];
    const best: { score: number; from: number; id: number }[] = [{ score: 0, from: -1, id: UNKNOWN }];
    for (let end = 1; end <= characters.length; end++) {
      const { score } = best[end - 1];
      best[end] = { score: score + UNKNOWN_SCORE, from: end - 1, id: UNKNOWN };
      for (let from = Math.max(0, end - this.#longest); from < end; from++) {
        const piece = this.#pieces.get(characters.slice(from, end).join(""));
        if (piece && best[from].score + piece.score > best[end].score)
          best[end] = { score: best[from].score + piece.score, from, id: piece.id };
      }
    }
    const ids: number[] = [];
    for (let end = characters.length; end > 0; end = best[end].from) ids.push(best[end].id);
    return ids.reverse();
  }
}
