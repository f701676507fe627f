/** MovieLens: who rated which film how, and when (F. M. Harper, J. A. Konstan, ACM TiiS 5(4), 2015). */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parse } from "csv-parse/sync";
import { unzipSync } from "fflate";
import { type DataOptions, type Download, dataFolder } from "./folder.js";

export interface Film {
  id: number;
  /** Without the year. */
  title: string;
  year?: number;
  genres: string[];
}

export interface Rating {
  user: number;
  film: number;
  /** 0.5 to 5, in halves. */
  stars: number;
  /** Seconds since 1970. */
  at: number;
}

export interface Ratings {
  films: Film[];
  ratings: Rating[];
}

const download: Download = {
  urls: ["https://files.grouplens.org/datasets/movielens/ml-latest-small.zip"],
  licence: "MovieLens, for research, not for commercial use",
  unpack: ([zip]) =>
    new Map(Object.entries(unzipSync(zip)).flatMap(([path, bytes]) => [[basename(path), bytes] as const])),
};

/** All ratings, downloaded if they are nowhere. */
export async function readRatings(options?: DataOptions): Promise<Ratings> {
  const folder = await dataFolder("ratings", download, options);
  const table = async (file: string) =>
    parse(await readFile(join(folder, file)), { columns: true }) as Record<string, string>[];
  const films = (await table("movies.csv")).map(({ movieId, title, genres }) => {
    const dated = /^(.*)\((\d{4})\)\s*$/.exec(title);
    return {
      id: Number(movieId),
      title: (dated?.[1] ?? title).trim(),
      ...(dated ? { year: Number(dated[2]) } : {}),
      genres: genres.startsWith("(no") ? [] : genres.split("|"),
    };
  });
  const ratings = (await table("ratings.csv")).map(({ userId, movieId, rating, timestamp }) => ({
    user: Number(userId),
    film: Number(movieId),
    stars: Number(rating),
    at: Number(timestamp),
  }));
  return { films, ratings };
}
