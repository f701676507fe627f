/**
 * The child of the index-change test: `node index-change-writer.js <folder> <family>`. Asks for the family, says so once
 * that is acknowledged, and builds until it is killed or done.
 */
import { writeSync } from "node:fs";
import { open } from "vicinal";

const [folder, type] = process.argv.slice(2);
const database = await open(folder);
await database.updateCollection("c", { vectors: { "": { index: { type } } } });
writeSync(1, "changed\n");
await database.waitForIndex("c");
writeSync(1, "built\n");
// Idle until it is killed: a process that ends by itself closes properly.
setInterval(() => {}, 1000);
