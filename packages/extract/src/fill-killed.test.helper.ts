/** A process that fills a collection from 10,000 items and says how far it is, until it ends or is killed. */
import { open } from "vicinal";
import { createFor, fill } from "./pipeline.js";
import { stubModel, textItems } from "./stub.test.helper.js";

const [folder, count] = process.argv.slice(2);
const database = await open(folder);
const model = stubModel();
await createFor(database, "texts", model, { metric: "Euclid" });
const report = await fill(database, "texts", textItems(Number(count)), model, {
  onProgress: ({ stored }) => void process.stdout.write(`stored ${stored}\n`),
});
process.stdout.write(`done ${JSON.stringify(report)}\n`);
await database.close();
