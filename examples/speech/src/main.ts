/** `npm start -w examples/speech`: what was said and what made a noise, by the sounds that are most alike. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { progress } from "@vicinal/cli/progress";
import { type AudioItem, loadModel, type Model } from "@vicinal/extract";
import { type Database, open } from "vicinal";
import { confusionTable, elect, recognise, VOTERS } from "./recognition.js";
import { type Collection, digits, fillSounds, noises, soundsLike } from "./sounds.js";

const usage = `speech [--digits <folder>] [--noises <folder>] [--data <folder>]   recognises each sound by the others
speech --say <file.wav>      what digit is said in a recording
speech --noise <file.wav>    what makes the noise in a recording

Folders default to speech and sounds in VICINAL_DATA.`;

/** Resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        digits: { type: "string" },
        noises: { type: "string" },
        say: { type: "string" },
        noise: { type: "string" },
        data: { type: "string", default: "./data/speech" },
        help: { type: "boolean" },
      },
    });
    if (values.help) {
      console.log(usage);
      return 0;
    }
    const database = await open(values.data);
    try {
      const own = { digits: values.digits, noises: values.noises };
      if (values.say) await recogniseFile(database, digits, folderOf("speech", own.digits), values.say);
      else if (values.noise)
        await recogniseFile(database, noises, folderOf("sounds", own.noises), values.noise);
      else {
        await printRecognition(database, digits, folderOf("speech", own.digits));
        console.log("");
        await printRecognition(database, noises, folderOf("sounds", own.noises));
      }
    } finally {
      await database.close();
    }
    return 0;
  } catch (error) {
    console.error(`speech: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

function folderOf(name: string, given: string | undefined): string {
  const folder = given ?? (process.env.VICINAL_DATA && join(process.env.VICINAL_DATA, name));
  if (!folder) throw new Error("name the folders of sounds, or VICINAL_DATA");
  if (!existsSync(folder)) throw new Error(`there is no folder ${folder}`);
  return folder;
}

async function withModel<T>(
  collection: Collection,
  use: (model: Model<AudioItem>) => Promise<T>,
): Promise<T> {
  const model = await loadModel(collection === digits ? "speech-embedding" : "yamnet");
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

async function index(database: Database, collection: Collection, folder: string): Promise<void> {
  const bar = progress(`listening to ${collection.name}`);
  const report = await withModel(collection, (model) =>
    fillSounds(database, folder, collection, model, {
      onProgress: ({ seen }, total) => bar.update(seen, total),
    }),
  ).finally(() => bar.end());
  const memory = (process.resourceUsage().maxRSS / 1024).toFixed(0);
  const speed = report.stored > 0 ? `, ${report.itemsPerSecond.toFixed(0)} sounds/s` : "";
  console.error(
    `${report.stored} sounds new, ${report.unchanged} known${speed}; at most ${memory} MB of memory`,
  );
  for (const { key, error } of report.failed) console.error(`  not read: ${key}: ${error.message}`);
}

async function printRecognition(database: Database, collection: Collection, folder: string): Promise<void> {
  await index(database, collection, folder);
  const found = await recognise(database, collection);
  const { sounds, precisionAt1, accuracy } = found;
  console.log(`${collection.name}: ${sounds} sounds, each by those of another ${collection.apart}`);
  console.log(`  the nearest is of the same ${collection.label}   ${precisionAt1.toFixed(3)}`);
  console.log(
    `  the nearest ${VOTERS} elect it${" ".repeat(collection.label.length + 8)}${accuracy.toFixed(3)}`,
  );
  console.log(`\n${confusionTable(found)}`);
}

async function recogniseFile(
  database: Database,
  collection: Collection,
  folder: string,
  file: string,
): Promise<void> {
  await index(database, collection, folder);
  const sound = readFileSync(file);
  const heard = await withModel(collection, (model) =>
    soundsLike(database, collection, model, sound, VOTERS),
  );
  for (const { file: name, distance } of heard) console.log(`  ${distance.toFixed(3)}  ${name}`);
  const votes = heard.map(({ label, distance }) => ({ label, similarity: 1 - distance }));
  console.log(`${collection.label}: ${elect(votes)}`);
}
