/**
 * `npm run texts -w bench -- <folder>`: search by words (BM25) beside other libraries and a plain scan: processor time of building
 * and of queries, and how well the text that a query means is found. The folder holds `films/films.jsonl` and `sts/sts.tsv`;
 * without it made-up texts alone are searched. Engines take turns, round by round; the median counts.
 */

import { clock, consume, median } from "./measure/stats.js";
import { films, sentences, type TextSet, zipf } from "./texts/collections.js";
import { orama, plainScan, type TextEngine, vectra, vicinalEngines } from "./texts/engines.js";

const K = 10;
const ROUNDS = 3;
const ZIPF_TEXTS = 100_000;
/** An engine that needs longer is asked fewer queries. */
const ROUND_SECONDS = 4;

interface Measured {
  engine: TextEngine;
  buildSeconds: number;
  /** Processor milliseconds of a query, by rounds. */
  queryMs: number[];
  /** Places (from 1) of the meant texts, infinite where they are not among the best. */
  ranks: number[];
}

async function measure(set: TextSet): Promise<void> {
  const all = [...vicinalEngines(), plainScan(), orama(), vectra()];
  const measured: Measured[] = [];
  for (const engine of all.filter(({ textsMax = Infinity }) => set.texts.length <= textsMax)) {
    const elapsed = clock();
    await engine.build(set.texts);
    measured.push({ engine, buildSeconds: elapsed().cpuSeconds, queryMs: [], ranks: [] });
  }
  for (let round = 0; round < ROUNDS; round++) for (const one of measured) await ask(one, set);
  report(set, measured);
  for (const { engine } of measured.reverse()) await engine.close();
}

/** One round of one engine; what it answers is looked at after the clock has stopped. */
async function ask(one: Measured, { queries }: TextSet): Promise<void> {
  const { engine } = one;
  const answers: number[][] = [];
  const elapsed = clock();
  for (const { text } of queries) {
    answers.push(await engine.search(text, K));
    if (elapsed().wallSeconds > ROUND_SECONDS) break;
  }
  one.queryMs.push((elapsed().cpuSeconds * 1000) / answers.length);
  consume(answers);
  one.ranks = queries
    .slice(0, answers.length)
    .flatMap(({ target }, i) => (target === undefined ? [] : [answers[i].indexOf(target) + 1 || Infinity]));
}

function report({ name, texts, queries }: TextSet, measured: readonly Measured[]): void {
  console.log(`\n${name}: ${texts.length} texts, ${queries.length} queries, Node ${process.version}`);
  console.log("engine               build s   query ms     first  MRR@10");
  for (const { engine, buildSeconds, queryMs, ranks } of measured) {
    const asked = ranks.length === queries.length;
    const first = ranks.filter((rank) => rank === 1).length / ranks.length;
    const reciprocal = ranks.reduce((sum, rank) => sum + 1 / rank, 0) / ranks.length;
    console.log(
      [
        `${engine.name} ${engine.version ?? ""}`.padEnd(18),
        buildSeconds.toFixed(2).padStart(9),
        median(queryMs).toFixed(3).padStart(10),
        (asked ? first.toFixed(3) : "-").padStart(9),
        (asked ? reciprocal.toFixed(3) : "-").padStart(7),
      ].join(" "),
    );
  }
}

const [folder] = process.argv.slice(2);
if (folder) for (const set of [sentences(folder), films(folder)]) await measure(set);
await measure(zipf(ZIPF_TEXTS));
