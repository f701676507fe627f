/**
 * The child of the kill test: `node kill-writer.js <folder> <first operation>`. Writes until it is killed; says `ack n`
 * after the acknowledgement of operation n. Segments are sealed, written and merged meanwhile.
 */
import { writeSync } from "node:fs";
import { open } from "vicinal";
import { applyToDatabase, COLLECTION, DIMENSIONS } from "./kill-workload.js";

const [folder, first] = process.argv.slice(2);
const database = await open(folder);
if (!(await database.collectionExists(COLLECTION)).exists) {
  await database.createCollection(COLLECTION, {
    vectors: { size: DIMENSIONS, distance: "Euclid" },
    sparse_vectors: { words: {} },
  });
  await database.createPayloadIndex(COLLECTION, { field_name: "rank", field_schema: "integer" });
}
writeSync(1, "ready\n");
for (let n = Number(first); ; n++) {
  await applyToDatabase(database, n);
  writeSync(1, `ack ${n}\n`);
  if (n % 23 === 0) database.waitForIndex(COLLECTION, { everything: true }).catch(() => {});
}
