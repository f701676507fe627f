/**
 * Truth: what a database must hold after a history of acknowledgements and failures.
 *
 * What was acknowledged is there. What failed without a refusal may be there, in the order in which it was begun: of the
 * operations that failed since the last acknowledged one, the first so many, each whole. Of the catalogue, whose changes are
 * taken back where they fail, one of them or none. An operation that is acknowledged after one that failed says that the failed
 * one has not happened.
 */
import {
  alive,
  applied,
  areEqual,
  type Contents,
  type DataOperation,
  isFound,
  type Moment,
  settingsOf,
  withVersions,
} from "./model.js";
import { type CatalogueOperation, type Shape, vectorsOf } from "./workload.js";

export class Violation extends Error {}

/** A state, and what may have happened to it since. */
class Ledger<S, O> {
  maybe: O[] = [];

  constructor(
    public acknowledged: S,
    private readonly apply: (state: S, operation: O) => S | undefined,
  ) {}

  done(operation: O): void {
    const after = this.apply(this.acknowledged, operation);
    if (after === undefined)
      throw new Violation(`acknowledged though it must be refused: ${JSON.stringify(operation)}`);
    this.acknowledged = after;
    this.maybe = [];
  }

  failed(operation: O): void {
    this.maybe.push(operation);
  }

  refused(operation: O): void {
    if (this.maybe.length === 0 && this.apply(this.acknowledged, operation) !== undefined)
      throw new Violation(`refused though it can be done: ${JSON.stringify(operation)}`);
  }

  /** States of which one must be found; `undone`: what failed was taken back before the next was tried. */
  possible(undone = false): S[] {
    const { acknowledged } = this;
    if (undone)
      return [
        acknowledged,
        ...this.maybe.map((operation) => this.apply(acknowledged, operation) ?? acknowledged),
      ];
    const states = [this.acknowledged];
    for (const operation of this.maybe) {
      const last = states[states.length - 1];
      states.push(this.apply(last, operation) ?? last);
    }
    return states;
  }

  /** The state was found, and shown: it stays. */
  found(state: S): void {
    this.acknowledged = state;
    this.maybe = [];
  }
}

type ContentsLedger = Ledger<Contents, { operation: DataOperation } & Moment>;

/** Which collections there are, by their names: each creation makes a ledger of its own. */
interface Names {
  collections: ReadonlyMap<string, ContentsLedger>;
  aliases: ReadonlyMap<string, string>;
}

type Creation = CatalogueOperation & { ledger?: ContentsLedger };

function newLedger(shape: Shape): ContentsLedger {
  const empty: Contents = {
    points: new Map(),
    fields: new Set<string>(),
    vectors: new Set(vectorsOf(shape)),
  };
  return new Ledger(empty, (state, { operation, ...moment }) => applied(state, operation, moment));
}

function namesAfter(names: Names, operation: Creation): Names | undefined {
  const collections = new Map(names.collections);
  const aliases = new Map(names.aliases);
  if (operation.kind === "create") {
    if (collections.has(operation.name)) return undefined;
    operation.ledger ??= newLedger(operation.shape);
    collections.set(operation.name, operation.ledger);
  } else if (operation.kind === "drop") {
    collections.delete(operation.name);
    for (const [alias, name] of aliases) if (name === operation.name) aliases.delete(alias);
  } else {
    if (operation.name !== undefined && !collections.has(operation.name)) return undefined;
    aliases.delete(operation.alias);
    if (operation.name !== undefined) aliases.set(operation.alias, operation.name);
  }
  return { collections, aliases };
}

/** What a database says that it holds. */
export interface Found {
  collections: ReadonlyMap<string, Contents>;
  aliases: ReadonlyMap<string, string>;
}

export class Truth {
  /** The time by which points expire, milliseconds since 1970. */
  now = 1_700_000_000_000;
  readonly #names = new Ledger<Names, Creation>({ collections: new Map(), aliases: new Map() }, namesAfter);
  /** Writes that were acknowledged. */
  acknowledged = 0;
  /** Points that were there until their time was over. */
  expired = 0;
  /** Writes that were refused for a version. */
  conflicts = 0;

  /** Time goes by. */
  pass(seconds: number): void {
    const sizes = () => [...this.view().values()].reduce((sum, { points }) => sum + points.size, 0);
    const before = sizes();
    this.now += seconds * 1000;
    this.expired += before - sizes();
  }

  /** The collections that there are for sure, with what they hold. */
  view(): Map<string, Contents> {
    return new Map(
      [...this.#names.acknowledged.collections.keys()].map((name) => [name, this.contents(name)]),
    );
  }

  contents(name: string): Contents {
    return alive(this.#of(name).acknowledged, this.now);
  }

  #of(name: string): ContentsLedger {
    const ledger = this.#names.acknowledged.collections.get(name);
    if (!ledger) throw new Violation(`the workload writes to ${name}, which is not there`);
    return ledger;
  }

  /** @param version The number of the write, as its answer said. */
  done(step: Parameters<Truth["failed"]>[0], version?: number): void {
    this.acknowledged++;
    if (step.kind === "catalogue") this.#names.done(step.operation);
    else {
      this.#of(step.name).done({ operation: step.operation, now: this.now, version });
      // A collection that takes writes stays: what failed to drop it must not come true any more.
      const { maybe } = this.#names;
      const drop = maybe.findIndex(
        ({ kind, ...rest }) => kind === "drop" && "name" in rest && rest.name === step.name,
      );
      if (drop >= 0) maybe.splice(drop);
    }
  }

  failed(
    step:
      | { kind: "catalogue"; operation: CatalogueOperation }
      | { kind: "data"; name: string; operation: DataOperation },
  ): void {
    if (step.kind === "catalogue") this.#names.failed(step.operation);
    else this.#of(step.name).failed({ operation: step.operation, now: this.now });
  }

  refused(step: Parameters<Truth["failed"]>[0], isConflict: boolean): void {
    if (isConflict) this.conflicts++;
    if (step.kind === "catalogue") this.#names.refused(step.operation);
    else this.#of(step.name).refused({ operation: step.operation, now: this.now });
  }

  /** Compares with what a reopened database holds, which is the truth from then on. */
  settle(found: Found): void {
    this.#compare(found, true);
  }

  /** Compares with what the database holds that did all this: of what failed, nothing. */
  check(found: Found): void {
    this.#compare(found, false);
  }

  #compare(found: Found, reopened: boolean): void {
    const keyOf = (names: {
      collections: ReadonlyMap<string, unknown>;
      aliases: ReadonlyMap<string, string>;
    }) => JSON.stringify([[...names.collections.keys()].sort(), [...names.aliases].sort()]);
    const possible = reopened ? this.#names.possible(true) : [this.#names.acknowledged];
    const named = possible.filter((candidate) => keyOf(candidate) === keyOf(found));
    if (named.length === 0)
      throw new Violation(`found ${keyOf(found)}, expected ${possible.map(keyOf).join(" or ")}`);
    const statesOf = (ledger: ContentsLedger) =>
      (reopened ? ledger.possible() : [ledger.acknowledged]).map((state) => alive(state, this.now));
    const foundIn = (states: Contents[], name: string) =>
      states.find((candidate) => areEqual(candidate, found.collections.get(name) as Contents));
    // Creations of the same name that failed have ledgers of their own.
    const isThere = ({ collections }: Names) =>
      [...collections].every(([name, ledger]) => foundIn(statesOf(ledger), name));
    const names = named.find(isThere) ?? named[0];
    if (reopened) this.#names.found(names);
    for (const [name, ledger] of names.collections) {
      const contents = found.collections.get(name) as Contents;
      const states = statesOf(ledger);
      const state = foundIn(states, name);
      if (!state) throw new Violation(`${name}: ${difference(contents, states)}`);
      if (reopened) ledger.found(withVersions(state, contents));
    }
  }
}

/** Where the nearest of the states differs. */
function difference(found: Contents, states: Contents[]): string {
  const told = states.map((state) => {
    const lines: string[] = [];
    for (const key of new Set([...state.points.keys(), ...found.points.keys()])) {
      const [expected, actual] = [state.points.get(key), found.points.get(key)];
      if (isFound(expected, actual)) continue;
      lines.push(
        `  point ${key}\n    expected ${JSON.stringify(expected)}\n    found    ${JSON.stringify(actual)}`,
      );
    }
    if (settingsOf(state) !== settingsOf(found))
      lines.push(`  expected ${settingsOf(state)}, found ${settingsOf(found)}`);
    return lines;
  });
  const nearest = told.reduce((best, lines) => (lines.length < best.length ? lines : best));
  return `differs from each of ${states.length} possible states, least in ${nearest.length} places:\n${nearest.slice(0, 5).join("\n")}`;
}
