/**
 * The words by which each group of texts differs from all the texts.
 *
 * Method: Monroe, Colaresi, Quinn, "Fightin' words" (2008): the log odds of a word in a group against the rest, with all texts as an
 * informative Dirichlet prior, divided by its standard error. So a word that is everywhere does not count, and one that was
 * seen once does not either. A text counts a word once. Deviation: the error is that of a table of four cells (Woolf 1955), since
 * words of most texts are no rare events.
 * Cost: the words of all texts, then groups x different words.
 */

/** Weight of the prior, in texts that have all words as often as all texts do. */
const PRIOR_TEXTS = 50;
/** z-score from which on a difference is not taken for chance: one in a thousand. */
const LEAST_SCORE = 3.1;

export class GroupWords {
  /** Per word its number of texts in each group; the last member is that of all texts, those of no group too. */
  readonly #counts = new Map<string, Uint32Array>();
  readonly #sizes: Uint32Array;
  readonly #groups: number;

  constructor(groups: number) {
    this.#groups = groups;
    this.#sizes = new Uint32Array(groups + 1);
  }

  /** @param group 0..groups - 1, or -1 for none */
  add(words: Iterable<string>, group: number): void {
    for (const word of new Set(words)) {
      let counts = this.#counts.get(word);
      if (!counts) {
        counts = new Uint32Array(this.#groups + 1);
        this.#counts.set(word, counts);
      }
      this.#count(counts, group);
    }
    this.#count(this.#sizes, group);
  }

  #count(counts: Uint32Array, group: number): void {
    counts[this.#groups]++;
    if (group >= 0) counts[group]++;
  }

  /** The most distinctive words of each group, at most `limit`; of equal ones the first by code units. */
  best(limit: number): string[][] {
    const found: { word: string; score: number }[][] = Array.from({ length: this.#groups }, () => []);
    for (const [word, counts] of this.#counts) {
      for (let group = 0; group < this.#groups; group++) {
        if (counts[group] === 0) continue;
        const score = this.#score(counts, group);
        if (score >= LEAST_SCORE) found[group].push({ word, score });
      }
    }
    return found.map((words) =>
      words
        .sort((a, b) => b.score - a.score || (a.word < b.word ? -1 : 1))
        .slice(0, limit)
        .map(({ word }) => word),
    );
  }

  #score(counts: Uint32Array, group: number): number {
    const [having, all] = [counts[this.#groups], this.#sizes[this.#groups]];
    const share = (having + 1) / (all + 2);
    // With and without the word, inside the group and outside.
    const cells = [
      counts[group] + PRIOR_TEXTS * share,
      this.#sizes[group] - counts[group] + PRIOR_TEXTS * (1 - share),
      having - counts[group] + PRIOR_TEXTS * share,
      all - having - this.#sizes[group] + counts[group] + PRIOR_TEXTS * (1 - share),
    ];
    const difference = Math.log((cells[0] * cells[3]) / (cells[1] * cells[2]));
    return difference / Math.sqrt(cells.reduce((sum, cell) => sum + 1 / cell, 0));
  }
}
