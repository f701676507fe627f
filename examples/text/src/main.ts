/** `npm start -w examples/text`: films by words and by meaning, topics, and how alike sentences are. */
import { parseArgs } from "node:util";
import { progress } from "@vicinal/cli/progress";
import { filmTexts, sentencePairs } from "@vicinal/example-data";
import { loadModel, type Model } from "@vicinal/extract";
import { type Database, open } from "vicinal";
import { fillChinese, searchChinese } from "./chinese.js";
import { createCorpus, fillCorpus, searchFilms, topicsOf, type Way } from "./corpus.js";
import { agreementWithPeople } from "./similarity.js";

const usage = `text [<question>] [--by words|meaning|both] [--limit <n>] [--films <n>] [--data <folder>]
text --topics [<n>]     what the films are about
text --similarity       how well the model agrees with people
text --chinese <问题>    Chinese texts by their words`;

/** Resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        by: { type: "string", default: "both" },
        limit: { type: "string", default: "5" },
        films: { type: "string", default: "5000" },
        data: { type: "string", default: "./data/text" },
        topics: { type: "boolean" },
        similarity: { type: "boolean" },
        chinese: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    if (values.help) console.log(usage);
    else if (values.chinese) await printChinese(values.data, positionals[0] ?? "中国的茶");
    else if (values.similarity) await withModel(printSimilarity);
    else {
      const count = numberOf("films", values.films);
      const { by } = values;
      if (by !== "words" && by !== "meaning" && by !== "both")
        throw new Error(`--by ${by}: it is words, meaning or both`);
      await withFilms(values.data, count, (database, model) =>
        values.topics
          ? printTopics(database, positionals[0] === undefined ? 12 : numberOf("topics", positionals[0]))
          : printFilms(
              database,
              model,
              positionals[0] ?? "a robot learns to love",
              by,
              numberOf("limit", values.limit),
            ),
      );
    }
    return 0;
  } catch (error) {
    console.error(`text: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

function numberOf(name: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`--${name} ${text}: it must be a whole number from 1`);
  return Number(text);
}

async function withModel<T>(use: (model: Model<string>) => Promise<T>): Promise<T> {
  const model = await loadModel("universal-sentence-encoder-lite");
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

async function withFilms(
  data: string,
  count: number,
  use: (database: Database, model: Model<string>) => Promise<void>,
): Promise<void> {
  const all = await filmTexts();
  // Spread over the years.
  const films =
    count >= all.length
      ? all
      : all.filter(
          (_, i) => Math.floor(((i + 1) * count) / all.length) > Math.floor((i * count) / all.length),
        );
  const database = await open(data);
  try {
    await withModel(async (model) => {
      await createCorpus(database, model.dimensions);
      const bar = progress("reading films");
      const started = performance.now();
      let stored = 0;
      await fillCorpus(database, films, model, (report) => {
        stored = report.stored;
        bar.update(report.seen, films.length);
      }).finally(() => bar.end());
      const speed = (stored / ((performance.now() - started) / 1000)).toFixed(0);
      const memory = (process.resourceUsage().maxRSS / 1024).toFixed(0);
      console.error(
        `${stored} films new${stored > 0 ? `, ${speed} films/s` : ""}; at most ${memory} MB of memory`,
      );
      await use(database, model);
    });
  } finally {
    await database.close();
  }
}

async function printFilms(
  database: Database,
  model: Model<string>,
  question: string,
  by: Way,
  limit: number,
): Promise<void> {
  console.log(`${question} (by ${by})\n`);
  for (const { title, year, extract, score } of await searchFilms(database, model, question, by, limit))
    console.log(`${score.toFixed(3)}  ${title} (${year})\n       ${extract.slice(0, 110)}...`);
}

async function printTopics(database: Database, count: number): Promise<void> {
  for (const { size, words, example } of await topicsOf(database, count))
    console.log(`${String(size).padStart(5)}  ${words.join(", ")}  (as ${example})`);
}

async function printSimilarity(model: Model<string>): Promise<void> {
  for (const { set, pairs, pearson } of await agreementWithPeople(model, await sentencePairs()))
    console.log(`${set.padEnd(24)} ${String(pairs).padStart(4)} pairs   Pearson ${pearson.toFixed(3)}`);
}

async function printChinese(data: string, question: string): Promise<void> {
  const database = await open(data);
  try {
    await fillChinese(database);
    for (const text of await searchChinese(database, question)) console.log(text);
  } finally {
    await database.close();
  }
}
