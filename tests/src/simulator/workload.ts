/** A workload from a seed: rounds of operations that are in flight together. */
import type { CreateCollection, Database } from "vicinal";
import type { Change, Contents, DataOperation, Id, Payload, Point, Vector } from "./model.js";
import { LOW_RANK } from "./model.js";

export type CatalogueOperation =
  | { kind: "create"; name: string; shape: Shape }
  | { kind: "drop"; name: string }
  /** The alias is moved to the collection; to none where there is no name. */
  | { kind: "alias"; alias: string; name: string | undefined };

export type Step =
  | { kind: "data"; name: string; operation: DataOperation }
  | { kind: "catalogue"; operation: CatalogueOperation }
  /** Seals, saves, merges and indexes. */
  | { kind: "settle"; name: string };

/** Steps that are begun together. `reopen`: the database is closed and opened afterwards. */
export interface Round {
  steps: Step[];
  reopen: boolean;
}

export type Random = () => number;
export type Shape = keyof typeof shapes;

const IDS = 30;
const RANKS = 6;
const SIZES: Record<string, number> = { "": 16, image: 12, text: 3, extra: 2 };
const optimizers_config = { indexing_threshold: 1 };

/** Vectors in memory under a graph; vectors of several names, some sparse; vectors served from their files. */
export const shapes = {
  graph: { vectors: { size: 16, distance: "Euclid" }, optimizers_config },
  named: {
    vectors: { image: { size: 12, distance: "Euclid" }, text: { size: 3, distance: "Dot" } },
    sparse_vectors: { words: {} },
    optimizers_config,
  },
  postings: {
    vectors: { size: 16, distance: "Euclid", index: { type: "postings" } },
    optimizers_config,
  },
} as const satisfies Record<string, CreateCollection>;

export const vectorsOf = (shape: Shape): string[] => (shape === "named" ? ["image", "text", "words"] : [""]);

const names = ["one", "two"];
const fields = ["rank", "word"];
export const fieldTypes: Record<string, "integer" | "keyword"> = { rank: "integer", word: "keyword" };

/** The collections that there are, and what they hold before the round. */
export type View = ReadonlyMap<string, Contents>;

/** Seconds that a point may live for, at most. */
export const LONGEST_LIFE = 60;

/** Makes what a seed says. */
export class Workload {
  readonly #random: Random;
  #view: View = new Map();
  #round = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: 1 + this.#below(most) }, make);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)];
  }

  /** Seconds until the next round: mostly none or few. */
  pause(): number {
    return this.#random() < 0.5 ? 0 : Math.floor(this.#random() ** 3 * LONGEST_LIFE);
  }

  next(view: View): Round {
    this.#view = view;
    const present = [...view.keys()];
    const round = this.#round++;
    if (present.length === 0) return { steps: [this.#create(names[0])], reopen: false };
    if (round === 1) return { steps: [this.#load(present[0])], reopen: false };
    if (this.#random() < 0.05) return { steps: [this.#vectorName(this.#pick(present))], reopen: false };
    const steps: Step[] = [];
    const busy = new Set<string>();
    if (this.#random() < 0.15) {
      const step = this.#catalogue(present);
      steps.push(step);
      if (step.operation.kind !== "alias") busy.add(step.operation.name);
    }
    const free = present.filter((name) => !busy.has(name));
    for (let count = free.length > 0 ? 1 + this.#below(4) : 0; count > 0; count--) {
      const name = this.#pick(free);
      if (this.#random() < 0.2) steps.push({ kind: "settle", name });
      else steps.push({ kind: "data", name, operation: this.#data(name) });
    }
    return { steps, reopen: this.#random() < 0.08 };
  }

  #catalogue(present: string[]): Extract<Step, { kind: "catalogue" }> {
    const absent = names.filter((name) => !present.includes(name));
    const choice = this.#random();
    if (absent.length > 0 && choice < 0.5) return this.#create(absent[0]);
    if (choice < 0.7) return { kind: "catalogue", operation: { kind: "drop", name: this.#pick(present) } };
    const name = this.#random() < 0.7 ? this.#pick(present) : undefined;
    return { kind: "catalogue", operation: { kind: "alias", alias: this.#pick(["red", "blue"]), name } };
  }

  #create(name: string): Extract<Step, { kind: "catalogue" }> {
    const shape = this.#pick(Object.keys(shapes) as Shape[]);
    return { kind: "catalogue", operation: { kind: "create", name, shape } };
  }

  /** So much that the collection is indexed when it settles. */
  #load(name: string): Step {
    const points = Array.from({ length: 22 }, (_, i) => this.#point(name, i));
    return { kind: "data", name, operation: { kind: "upsert", points } };
  }

  #vectorName(name: string): Step {
    const kind = this.#view.get(name)?.vectors.has("extra") ? "dropVector" : "createVector";
    return { kind: "data", name, operation: { kind, name: "extra" } };
  }

  #data(name: string): DataOperation {
    const choice = this.#random();
    if (choice < 0.06) return { kind: "createField", path: this.#pick(fields) };
    if (choice < 0.09) return { kind: "dropField", path: this.#pick(fields) };
    if (choice < 0.19) return { kind: "batch", changes: this.#some(4, () => this.#change(name)) };
    return this.#change(name);
  }

  #change(name: string): Change {
    return this.#random() < 0.15 ? this.#conditional(name) : this.#anyChange(name);
  }

  /** A change of points for the version that they have, or for another. */
  #conditional(name: string): Change {
    const there = [...(this.#view.get(name)?.points.values() ?? [])];
    const chosen = there.length > 0 && this.#random() < 0.7 ? this.#pick(there) : undefined;
    const version = chosen?.version ?? 0;
    const ids = chosen
      ? there
          .filter((point) => point.version === version)
          .slice(0, 1 + this.#below(3))
          .map(({ id }) => id)
      : [idOf(this.#below(IDS))];
    const ifVersion = this.#random() < 0.2 ? Math.max(0, version - 1) : version;
    const choice = this.#random();
    if (choice < 0.5) {
      const points = ids.map((id) => ({ ...this.#point(name, 0), id }));
      return { kind: "upsert", points, ifVersion };
    }
    if (choice < 0.65) return { kind: "delete", ids, ifVersion };
    if (choice < 0.85) return { kind: "setPayloadOf", ids, payload: this.#payload(), ifVersion };
    const vector = this.#pick(this.#names(name));
    return {
      kind: "updateVectors",
      ids,
      name: vector,
      vectors: ids.map(() => this.#vector(vector)),
      ifVersion,
    };
  }

  #payload(): Payload {
    return { touched: this.#below(1000), word: `w${this.#below(4)}` };
  }

  #anyChange(name: string): Change {
    const random = this.#random;
    const choice = random();
    const rank = this.#below(RANKS);
    const ids = (most: number) => [...new Set(this.#some(most, () => idOf(this.#below(IDS))))];
    const vector = this.#pick(this.#names(name));
    if (choice < 0.35) return { kind: "upsert", points: this.#points(name) };
    if (choice < 0.45) return { kind: "condition", points: this.#points(name) };
    if (choice < 0.57) return { kind: "delete", ids: ids(4) };
    if (choice < 0.62) return { kind: "deleteRank", rank };
    if (choice < 0.7) return { kind: "setPayload", rank, payload: this.#payload() };
    if (choice < 0.74) return { kind: "overwritePayload", rank, payload: { rank: this.#below(RANKS) } };
    if (choice < 0.8) return { kind: "setPayloadOf", ids: ids(2), payload: this.#payload() };
    if (choice < 0.84) return { kind: "deletePayload", rank, keys: ["touched"] };
    if (choice < 0.86) return { kind: "clearPayload", rank };
    if (choice < 0.96) {
      const chosen = ids(3);
      const vectors = chosen.map(() => this.#vector(vector));
      return { kind: "updateVectors", ids: chosen, name: vector, vectors };
    }
    return { kind: "deleteVector", rank, name: vector };
  }

  #names(name: string): string[] {
    return [...(this.#view.get(name)?.vectors ?? [])];
  }

  #points(name: string): Point[] {
    const points = this.#some(6, () => this.#point(name, this.#below(IDS)));
    return [...new Map(points.map((point) => [point.id, point])).values()];
  }

  #point(name: string, number: number): Point {
    const vectors: Record<string, Vector> = {};
    for (const vector of this.#names(name)) if (this.#random() < 0.9) vectors[vector] = this.#vector(vector);
    const payload: Payload = { rank: this.#below(RANKS), word: `w${this.#below(4)}` };
    if (this.#random() < 0.1) payload.text = "a longer text ".repeat(this.#below(60));
    const life = this.#random() < 0.2 ? { ttl: 1 + this.#below(LONGEST_LIFE) } : {};
    return { id: idOf(number), vectors, payload, ...life };
  }

  #vector(name: string): Vector {
    const number = () => Math.fround(this.#random() - 0.5);
    if (name === "words")
      return { indices: [this.#below(20), 20 + this.#below(20)], values: [number(), number()] };
    return Array.from({ length: SIZES[name] }, number);
  }
}

function idOf(number: number): Id {
  return number % 4 === 3 ? `00000000-0000-4000-8000-${String(number).padStart(12, "0")}` : number;
}

/** Does to the database what the step says. Resolves with the number of a write of points. */
export async function run(database: Database, step: Step): Promise<number | undefined> {
  if (step.kind === "data") return runData(database, step.name, step.operation);
  if (step.kind === "settle") await database.waitForIndex(step.name, { everything: true });
  else await runCatalogue(database, step.operation);
  return undefined;
}

async function runCatalogue(database: Database, operation: CatalogueOperation): Promise<void> {
  if (operation.kind === "create") await database.createCollection(operation.name, shapes[operation.shape]);
  else if (operation.kind === "drop") await database.deleteCollection(operation.name);
  else {
    const { alias, name } = operation;
    const moved = name === undefined ? [] : [{ create_alias: { alias_name: alias, collection_name: name } }];
    await database.updateCollectionAliases({ actions: [{ delete_alias: { alias_name: alias } }, ...moved] });
  }
}

const ranked = (value: number) => ({ must: [{ key: "rank", match: { value } }] });
const written = ({ id, vectors, payload, ttl }: Point) => ({
  id,
  vector: vectors,
  payload,
  ...(ttl === undefined ? {} : { ttl_seconds: ttl }),
});

async function runData(
  database: Database,
  name: string,
  operation: DataOperation,
): Promise<number | undefined> {
  switch (operation.kind) {
    case "batch":
      return batch(database, name, operation.changes);
    case "createField": {
      const { path } = operation;
      await database.createPayloadIndex(name, { field_name: path, field_schema: fieldTypes[path] });
      return undefined;
    }
    case "dropField":
      await database.deletePayloadIndex(name, operation.path);
      return undefined;
    case "createVector":
      await database.createVectorName(name, operation.name, {
        dense: { size: SIZES[operation.name], distance: "Euclid" },
      });
      return undefined;
    case "dropVector":
      await database.deleteVectorName(name, operation.name);
      return undefined;
    case "upsert":
    case "condition": {
      const { upsert } = asOperation(operation) as Extract<
        ReturnType<typeof asOperation>,
        { upsert: object }
      >;
      return (await database.upsert(name, upsert)).operation_id ?? undefined;
    }
    default:
      return batch(database, name, [operation]);
  }
}

async function batch(database: Database, name: string, changes: Change[]): Promise<number | undefined> {
  const answers = await database.batchUpdate(name, { operations: changes.map(asOperation) });
  return answers[0].operation_id ?? undefined;
}

function asOperation(change: Change) {
  switch (change.kind) {
    case "upsert":
      return { upsert: { points: change.points.map(written), if_version: change.ifVersion } };
    case "condition": {
      const update_filter = { must: [{ key: "rank", range: { lt: LOW_RANK } }] };
      return { upsert: { points: change.points.map(written), update_filter } };
    }
    case "delete":
      return { delete: { points: change.ids, if_version: change.ifVersion } };
    case "deleteRank":
      return { delete: { filter: ranked(change.rank) } };
    case "setPayload":
      return { set_payload: { payload: change.payload, filter: ranked(change.rank) } };
    case "overwritePayload":
      return { overwrite_payload: { payload: change.payload, filter: ranked(change.rank) } };
    case "setPayloadOf":
      return { set_payload: { payload: change.payload, points: change.ids, if_version: change.ifVersion } };
    case "deletePayload":
      return { delete_payload: { keys: change.keys, filter: ranked(change.rank) } };
    case "clearPayload":
      return { clear_payload: { filter: ranked(change.rank) } };
    case "updateVectors": {
      const points = change.ids.map((id, i) => ({ id, vector: { [change.name]: change.vectors[i] } }));
      return { update_vectors: { points, if_version: change.ifVersion } };
    }
    case "deleteVector":
      return { delete_vectors: { vector: [change.name], filter: ranked(change.rank) } };
  }
}
