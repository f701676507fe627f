/** Films with the first paragraph of their article in Wikipedia. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type DataOptions, type Download, dataFolder } from "./folder.js";

export interface FilmText {
  id: number;
  title: string;
  year: number;
  genres: string[];
  extract: string;
}

const decades = Array.from({ length: 11 }, (_, i) => 1920 + 10 * i);

const download: Download = {
  urls: decades.map(
    (decade) => `https://raw.githubusercontent.com/prust/wikipedia-movie-data/master/movies-${decade}s.json`,
  ),
  licence: "texts of Wikipedia, CC BY-SA",
  unpack: (parts) => {
    const films = parts
      .flatMap((bytes) => JSON.parse(Buffer.from(bytes).toString()) as Partial<FilmText>[])
      .filter(({ extract }) => extract);
    const lines = films.map(({ title, year, genres, extract }, i) =>
      JSON.stringify({ id: i + 1, title, year, genres: genres ?? [], extract }),
    );
    return new Map([["films.jsonl", `${lines.join("\n")}\n`]]);
  },
};

/** All films, downloaded if they are nowhere. */
export async function filmTexts(options?: DataOptions): Promise<FilmText[]> {
  const folder = await dataFolder("films", download, options);
  const lines = (await readFile(join(folder, "films.jsonl"), "utf8")).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as FilmText);
}
