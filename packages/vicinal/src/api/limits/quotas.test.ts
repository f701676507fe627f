import { expect, test } from "vitest";
import { MemoryDirectory } from "../../storage/memory-directory.js";
import { Catalogue } from "../catalogue.js";
import { Database } from "../database.js";
import { Quotas } from "./quotas.js";

const usage = { memory: 50 as number | undefined, disk: undefined as number | undefined };

/** Measures anew each time. */
function quotasOf(config: Quotas["config"]): Quotas {
  const quotas = new Quotas(undefined, () => ({ ...usage }), 0);
  quotas.config = config;
  return quotas;
}

test("nothing is refused without a limit, or where nothing can be measured", () => {
  usage.memory = 100;
  quotasOf({}).admit();
  quotasOf({ enabled: false, max_resident_memory_percent: 1 }).admit();
  const ofDisk = quotasOf({ enabled: true, max_disk_usage_percent: 1 });
  ofDisk.admit();
  expect(ofDisk.exceeded()).toEqual({ resident_memory: null, disk_usage: null });
});

test("over the limit until use has fallen below it by the margin", () => {
  const quotas = quotasOf({ enabled: true, max_resident_memory_percent: 80, release_margin_percent: 10 });
  usage.memory = 79;
  quotas.admit();
  usage.memory = 80;
  expect(() => quotas.admit()).toThrow("is at 80%, exceeding the configured limit of 80%");
  usage.memory = 70;
  expect(() => quotas.admit()).toThrow("must fall below 70%");
  expect(quotas.exceeded()).toEqual({ resident_memory: true, disk_usage: null });
  usage.memory = 69;
  quotas.admit();
  usage.memory = 79;
  quotas.admit();
});

test("are durable, and refuse writes but no deletions", async () => {
  const home = MemoryDirectory.empty();
  let catalogue = await Catalogue.open(home);
  let database = new Database(catalogue, async () => {});
  await database.createCollection("c", { vectors: { size: 1, distance: "Dot" } });
  await database.upsert("c", { points: [{ id: 1, vector: [1] }] });
  // Some memory is in use, but not in percent: the process would have to be large.
  await database.updateQuotas({ enabled: true, max_resident_memory_percent: 1, release_margin_percent: 0 });
  await database.close();
  catalogue = await Catalogue.open(home);
  database = new Database(catalogue, async () => {});
  const { config } = await database.getQuotas();
  expect(config).toEqual({ enabled: true, max_resident_memory_percent: 1, release_margin_percent: 0 });
  catalogue.quotas.admit = () => {
    throw new Error("over");
  };
  await expect(database.upsert("c", { points: [{ id: 2, vector: [1] }] })).rejects.toThrow("over");
  await expect(database.setPayload("c", { payload: {}, points: [1] })).rejects.toThrow("over");
  await database.delete("c", { points: [1] });
  await database.deletePayload("c", { keys: ["a"], filter: {} });
  expect(await database.count("c")).toEqual({ count: 0 });
  await database.close();
});
