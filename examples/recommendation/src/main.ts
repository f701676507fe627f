/** `npm start -w examples/recommendation`: recommendations in the terminal, and how good they are. */
import { parseArgs } from "node:util";
import { type Film, type FilmText, filmTexts, type Ratings, readRatings } from "@vicinal/example-data";
import { type Database, open } from "vicinal";
import { coldFilms, evaluateCold } from "./cold-start.js";
import { byUser, evaluate, splitByTime } from "./evaluate.js";
import { factorise, LIKED } from "./factors.js";
import { fillShop, type Recommended, recommendLike, recommendTo, type Wishes } from "./shop.js";

const usage = `recommend [--user <1..610>] [--like <title>]... [--dislike <title>]... [--genre <name>]... [--from <year>] [--to <year>] [--limit <n>]
recommend --evaluate

Without --user and --like: what somebody gets who liked The Matrix and Alien and disliked Titanic.`;

interface Wanted extends Wishes {
  user?: number;
  like: string[];
  dislike: string[];
  limit: number;
}

/** Resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        user: { type: "string" },
        like: { type: "string", multiple: true },
        dislike: { type: "string", multiple: true },
        genre: { type: "string", multiple: true },
        from: { type: "string" },
        to: { type: "string" },
        limit: { type: "string", default: "10" },
        evaluate: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    if (values.help) console.log(usage);
    else if (values.evaluate) await printQuality();
    else {
      const number = (name: "user" | "from" | "to" | "limit") => {
        const text = values[name];
        if (text !== undefined && !/^\d+$/.test(text))
          throw new Error(`--${name} ${text}: it must be a whole number`);
        return text === undefined ? undefined : Number(text);
      };
      const [from, to] = [number("from"), number("to")];
      const user = number("user");
      const isExample = user === undefined && !values.like;
      await printRecommendations({
        user,
        like: values.like ?? (isExample ? ["The Matrix", "Alien"] : []),
        dislike: values.dislike ?? (isExample ? ["Titanic"] : []),
        genres: values.genre,
        years: from === undefined && to === undefined ? undefined : { from, to },
        limit: number("limit") ?? 10,
      });
    }
    return 0;
  } catch (error) {
    console.error(`recommend: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

async function read(): Promise<Ratings & { texts: FilmText[] }> {
  const [found, texts] = [await readRatings(), await filmTexts()];
  return { ...found, texts };
}

async function withShop<T>(
  { films, texts, ratings }: Ratings & { texts: FilmText[] },
  use: (database: Database, factors: ReturnType<typeof factorise>) => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const factors = factorise(ratings);
  const database = await open(":memory:");
  try {
    await fillShop(database, films, texts, factors);
    const speed = ratings.length / ((performance.now() - started) / 1000);
    const memory = (process.resourceUsage().maxRSS / 1024).toFixed(0);
    console.error(
      `${films.length} films from ${ratings.length} ratings, ${speed.toFixed(0)} ratings/s; at most ${memory} MB of memory`,
    );
    return await use(database, factors);
  } finally {
    await database.close();
  }
}

async function printRecommendations({ user, like, dislike, limit, ...wishes }: Wanted): Promise<void> {
  const data = await read();
  const liked = like.map((title) => filmOf(data.films, title));
  const disliked = dislike.map((title) => filmOf(data.films, title));
  await withShop(data, async (database, factors) => {
    if (user === undefined) {
      const ids = (films: Film[]) => films.map(({ id }) => id);
      const seen = ids([...liked, ...disliked]);
      console.log(`liked: ${titles(liked)}${disliked.length > 0 ? `; disliked: ${titles(disliked)}` : ""}\n`);
      printFilms(await recommendLike(database, ids(liked), ids(disliked), seen, limit, wishes));
      return;
    }
    const taste = factors.users.get(user);
    const rated = byUser(data.ratings).get(user) ?? [];
    if (!taste) throw new Error(`--user ${user}: there is none of that number, they are 1 to 610`);
    const best = rated.filter(({ stars }) => stars >= LIKED).sort((a, b) => b.stars - a.stars);
    const byId = new Map(data.films.map((film) => [film.id, film]));
    const known = best.slice(0, 5).map(({ film }) => byId.get(film) as Film);
    console.log(`person ${user} rated ${rated.length} films and likes ${titles(known)}\n`);
    const seen = rated.map(({ film }) => film);
    printFilms(await recommendTo(database, taste, seen, limit, wishes));
  });
}

function filmOf(films: readonly Film[], title: string): Film {
  const plain = (text: string) =>
    text
      .toLowerCase()
      .replace(/^(the|a|an) /, "")
      .replace(/, (the|a|an)\b/, "");
  const wanted = plain(title);
  const found =
    films.find((film) => plain(film.title) === wanted) ??
    films.find((film) => plain(film.title).startsWith(wanted));
  if (!found) throw new Error(`there is no film "${title}"`);
  return found;
}

function titles(films: readonly Film[]): string {
  return films.map(({ title, year }) => `${title} (${year ?? "?"})`).join(", ");
}

function printFilms(films: readonly Recommended[]): void {
  if (films.length === 0) console.log("no film fits");
  for (const { score, title, year, genres } of films)
    console.log(`${score.toFixed(3).padStart(6)}  ${year ?? "    "}  ${title}  [${genres.join(", ")}]`);
}

async function printQuality(): Promise<void> {
  const { films, ratings, texts } = await read();
  const split = splitByTime(ratings);
  const quality = await withShop({ films, ratings: split.known, texts }, (database, factors) =>
    evaluate(database, split, factors),
  );
  console.log(`recall@10 of what ${quality.people} people loved later`);
  console.log(`  the most popular films      ${quality.popular.toFixed(3)}`);
  console.log(`  by their own vector         ${quality.byTaste.toFixed(3)}`);
  console.log(`  by their likes and dislikes ${quality.byExamples.toFixed(3)}`);
  const cold = coldFilms(films, texts, ratings);
  const hidden = new Set(cold.map(({ id }) => id));
  const warm = ratings.filter(({ film }) => !hidden.has(film));
  const found = await withShop({ films, ratings: warm, texts }, (database, factors) =>
    evaluateCold(database, cold, texts, ratings, factors),
  );
  console.log(`${found.films} films without a rating, by their words, for ${found.people} people`);
  console.log(`  area under the curve        ${found.auc.toFixed(3)} (chance: 0.5)`);
}
