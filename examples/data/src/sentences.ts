/** Pairs of sentences that people judged (SemEval STS 2014 to 2016). */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type DataOptions, type Download, dataFolder } from "./folder.js";

export interface SentencePair {
  /** Such as 2015-headlines; the sets differ in difficulty. */
  set: string;
  /** 0: about nothing in common, 5: the same meaning. */
  score: number;
  sentences: [string, string];
}

const years = {
  "2014-images": "2014/images",
  "2015-answers-forums": "2015/answers-forums",
  "2015-headlines": "2015/headlines",
  "2016-question-question": "2016/question-question",
};

const base = "https://raw.githubusercontent.com/brmson/dataset-sts/master/data/sts/semeval-sts";

const download: Download = {
  urls: Object.values(years).map((path) => `${base}/${path}.test.tsv`),
  licence: "research use; Stack Exchange parts CC BY-SA 3.0",
  unpack: (parts) => {
    const lines = parts.flatMap((bytes, i) =>
      Buffer.from(bytes)
        .toString()
        .split("\n")
        .map((line) => line.split("\t"))
        .filter(([score, a, b]) => a && b && score !== "")
        .map(([score, a, b]) => [score, Object.keys(years)[i], a, b].join("\t")),
    );
    return new Map([["sts.tsv", `${["score\tset\tsentence1\tsentence2", ...lines].join("\n")}\n`]]);
  },
};

/** All pairs, downloaded if they are nowhere. */
export async function sentencePairs(options?: DataOptions): Promise<SentencePair[]> {
  const folder = await dataFolder("sts", download, options);
  const [, ...lines] = (await readFile(join(folder, "sts.tsv"), "utf8")).trim().split("\n");
  return lines.map((line) => {
    const [score, set, a, b] = line.split("\t");
    return { set, score: Number(score), sentences: [a, b] };
  });
}
