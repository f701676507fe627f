/** The quality that the example promises, on ratings that were held out, and what it prints. */
import { type FilmText, filmTexts, type Ratings, readRatings } from "@vicinal/example-data";
import { type Database, open } from "vicinal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { areaUnderCurve, coldFilms, evaluateCold } from "./cold-start.js";
import { evaluate, splitByTime } from "./evaluate.js";
import { type Factors, factorise } from "./factors.js";
import { fillShop, recommendLike, titleKey } from "./shop.js";

describe.skipIf(!process.env.VICINAL_DATA)("on MovieLens (VICINAL_DATA)", () => {
  let data: Ratings;
  let texts: FilmText[];
  const opened: Database[] = [];

  async function shop(factors: Factors): Promise<Database> {
    const database = await open(":memory:");
    opened.push(database);
    await fillShop(database, data.films, texts, factors);
    return database;
  }

  beforeAll(async () => {
    data = await readRatings();
    texts = await filmTexts();
  });
  afterAll(() => Promise.all(opened.map((database) => database.close())));

  test("finds what people loved later, well above the most popular films", async () => {
    const split = splitByTime(data.ratings);
    const factors = factorise(split.known);
    const quality = await evaluate(await shop(factors), split, factors);
    console.log(`recall@10 ${JSON.stringify(quality)}`);
    expect(quality.people).toBeGreaterThan(500);
    expect(quality.byTaste).toBeGreaterThan(1.4 * quality.popular);
    expect(quality.byExamples).toBeGreaterThan(1.3 * quality.popular);
  }, 60_000);

  test("ranks films without a rating by their words, and keeps to genre and years", async () => {
    const cold = coldFilms(data.films, texts, data.ratings);
    const hidden = new Set(cold.map(({ id }) => id));
    const factors = factorise(data.ratings.filter(({ film }) => !hidden.has(film)));
    const database = await shop(factors);
    const quality = await evaluateCold(database, cold, texts, data.ratings, factors);
    console.log(`cold start ${JSON.stringify(quality)}`);
    expect(quality.films).toBeGreaterThan(80);
    expect(quality.auc).toBeGreaterThan(0.65);

    const [matrix, alien] = ["Matrix, The", "Alien"].map(
      (title) => data.films.find((film) => film.title === title)?.id ?? 0,
    );
    const seen = [matrix, alien];
    const wishes = { genres: ["Comedy"], years: { from: 1980, to: 1989 } };
    const films = await recommendLike(database, seen, [], seen, 10, wishes);
    expect(films).toHaveLength(10);
    for (const { id, genres, year } of films) {
      expect(seen).not.toContain(id);
      expect(genres).toContain("Comedy");
      expect(year).toBeGreaterThanOrEqual(1980);
      expect(year).toBeLessThanOrEqual(1989);
    }
  }, 60_000);
});

test("vectors tell two circles of people apart", () => {
  // Two circles, each of which likes its own four films; everybody has left one of them out.
  const ratings = Array.from({ length: 8 }, (_, user) =>
    Array.from({ length: 4 }, (_, i) => ({ user, film: (user % 2) * 4 + i, stars: 5, at: i })),
  ).flatMap((own, user) => own.filter((_, i) => i !== user >> 1));
  const { users, films } = factorise(ratings, { size: 2, regularisation: 1 });
  const score = (user: number, film: number) => {
    const [a, b] = [users.get(user), films.get(film)];
    return a && b ? a.reduce((sum, x, i) => sum + x * b[i], 0) : Number.NaN;
  };
  for (let user = 0; user < 8; user++) {
    const missing = score(user, (user % 2) * 4 + (user >> 1));
    for (let film = 0; film < 4; film++)
      expect(missing).toBeGreaterThan(score(user, ((user + 1) % 2) * 4 + film) + 0.3);
  }
});

test("the area under the curve counts the pairs in order", () => {
  const scored = [
    { score: 3, wanted: true },
    { score: 2, wanted: false },
    { score: 1, wanted: true },
    { score: 0, wanted: false },
  ];
  expect(areaUnderCurve(scored)).toBe(0.75);
});

test("titles of two catalogues meet", () => {
  expect(titleKey("Matrix, The", 1999)).toBe(titleKey("The Matrix", 1999));
  expect(titleKey("Léon: The Professional (a.k.a. The Professional)", 1994)).toBe(
    "l on the professional 1994",
  );
});
