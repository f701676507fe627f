import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bitWords, hasBit } from "../runtime/bits.js";
import { createAnalyzer } from "../text/index.js";
import { loadColumn } from "./columns.js";
import { compileFilter, type Filter, type SegmentView } from "./filter.js";
import { reopened } from "./fixtures.test.helper.js";
import { encodePayload, type JsonObject } from "./json.js";
import { parsePath } from "./path.js";
import { TextColumn } from "./text-column.js";

const sentences = [
  "the quick brown fox jumps over the lazy dog",
  "a quick brown cat runs through the garden",
  "the brown fox is very quick and agile",
  "lazy dogs sleep all day long",
  "machine learning algorithms are powerful tools",
  "natural language processing with transformers",
  "the artificial intelligence revolution",
  "deep learning neural networks",
  "brown sugar and quick oats",
  "New York City is a bustling metropolis",
  "writing tests is very very very important",
];

function columnOf(rows: readonly JsonObject[], positions: boolean): TextColumn {
  const column = new TextColumn(parsePath("t"), createAnalyzer({}), positions);
  for (const row of rows) column.append(row);
  return column;
}

function rowsMatching(match: object, rows: readonly JsonObject[], column: TextColumn): number[] {
  const view: SegmentView = {
    rowCount: rows.length,
    columns: new Map([["t", column]]),
    payload: (row) => encodePayload(rows[row]),
    rowOfId: () => -1,
    idOfRow: (row) => row,
    hasVector: () => false,
    analyzer: (path) => (path === "t" ? column.analyzer : undefined),
  };
  const compiled = compileFilter({ must: [{ key: "t", match }] } as Filter);
  const bits = new Uint32Array(bitWords(rows.length));
  const count = compiled.evaluate(view, bits);
  const { min, max } = compiled.estimate(view);
  expect(min).toBeLessThanOrEqual(count);
  expect(max).toBeGreaterThanOrEqual(count);
  return [...rows.keys()].filter((row) => hasBit(bits, row));
}

describe("TextColumn", () => {
  const rows = sentences.map((t) => ({ t }));

  describe.each([true, false])("with positions %s", (positions) => {
    it.each<[object, number[]]>([
      [{ phrase: "quick brown fox" }, [0]],
      [{ phrase: "quick brown bird" }, []],
      [{ phrase: "brown quick" }, []],
      [{ phrase: "quick brown" }, [0, 1]],
      [{ phrase: "Brown!" }, [0, 1, 2, 8]],
      [{ phrase: "machine learning algorithms are powerful tools" }, [4]],
      [{ phrase: "" }, []],
      [{ phrase: "very very very" }, [10]],
      [{ phrase: "very very very very" }, []],
      [{ text: "fox quick" }, [0, 2]],
      [{ text: "quic" }, []],
      [{ text: "" }, []],
      [{ text: "LAZY dog" }, [0]],
      [{ text: "lazy unseen" }, []],
      [{ text_any: "sugar unseen york" }, [8, 9]],
      [{ text_any: "" }, []],
    ])("%j", (match, expected) => {
      expect(rowsMatching(match, rows, columnOf(rows, positions))).toEqual(expected);
    });
  });

  it("takes the items of an array for one text, but for no phrase", () => {
    const rows: JsonObject[] = [{ t: ["deep blue", "sea level"] }, { t: ["deep blue sea"] }, { t: 5 }, {}];
    for (const positions of [true, false]) {
      const column = columnOf(rows, positions);
      expect(rowsMatching({ text: "sea deep" }, rows, column)).toEqual([0, 1]);
      expect(rowsMatching({ phrase: "blue sea" }, rows, column)).toEqual([1]);
    }
  });

  it("still knows what the strings were, through the payload", () => {
    const rows = [{ t: "Deep, blue" }, { t: "deep blue" }];
    const column = columnOf(rows, true);
    expect(rowsMatching({ value: "deep blue" }, rows, column)).toEqual([1]);
    expect(rowsMatching({ prefix: "Deep" }, rows, column)).toEqual([0]);
    expect(rowsMatching({ except: ["deep blue"] }, rows, column)).toEqual([0]);
    expect(rowsMatching({ except: [1] }, rows, column)).toEqual([0, 1]);
  });

  it("finds what rows hold, whatever has been added and changed since the postings were made", async () => {
    const word = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h");
    const text = fc.array(word, { maxLength: 5 }).map((words) => words.join(" "));
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(text, { minLength: 4, maxLength: 20 }),
        fc.array(fc.tuple(fc.nat(), text), { maxLength: 20 }),
        text,
        async (positions, texts, changes, query) => {
          // Many times the same, so that postings are worth making.
          const rows = Array.from({ length: 1500 }, (_, i) => ({ t: texts[i % texts.length] }));
          let column = columnOf(rows.slice(0, 1400), positions);
          const wanted = query.split(" ").filter((one) => one !== "");
          const compare = (): void => {
            const held = rows.map(({ t }) => t.split(" "));
            const where = (test: (words: string[]) => boolean): number[] =>
              [...rows.keys()].filter((row) => wanted.length > 0 && test(held[row]));
            expect(rowsMatching({ text: query }, rows, column)).toEqual(
              where((words) => wanted.every((one) => words.includes(one))),
            );
            expect(rowsMatching({ text_any: query }, rows, column)).toEqual(
              where((words) => wanted.some((one) => words.includes(one))),
            );
            expect(rowsMatching({ phrase: query }, rows, column)).toEqual(
              where((words) => ` ${words.join(" ")} `.includes(` ${wanted.join(" ")} `)),
            );
          };
          compare();
          for (const [at, t] of changes) {
            const row = at % 1400;
            rows[row] = { t };
            column.update(row, rows[row]);
          }
          compare();
          for (const row of rows.slice(1400)) column.append(row);
          compare();
          const schema = { type: "text", phrase_matching: positions } as const;
          column = (await loadColumn(reopened(column.save()), schema)) as TextColumn;
          compare();
        },
      ),
      { seed: 63, numRuns: 15 },
    );
  });

  it("is refused when it was analysed otherwise, or is damaged", async () => {
    const saved = () => columnOf(rows, true).save();
    const corrupted = { code: "CORRUPTION" };
    const schema = { type: "text", phrase_matching: true } as const;
    await expect(loadColumn(reopened(saved()), schema)).resolves.toBeDefined();
    await expect(loadColumn(reopened(saved()), { ...schema, lowercase: false })).rejects.toMatchObject(
      corrupted,
    );
    await expect(loadColumn(reopened(saved()), { type: "text" })).rejects.toMatchObject(corrupted);
    await expect(loadColumn(reopened(saved()), { type: "keyword" })).rejects.toMatchObject(corrupted);
    for (const name of ["lengths", "codes", "dictionary.ends", "dictionary.table"]) {
      const damaged = saved();
      const section = damaged.sections.find((entry) => entry.name === name)!;
      section.bytes = (section.bytes as Uint8Array).slice().fill(0x7f);
      await expect(loadColumn(reopened(damaged), schema)).rejects.toMatchObject(corrupted);
    }
  });
});
