/**
 * A schedule: one workload on one disk through several lives of the process. Each life ends in a power cut, a kill or a
 * closing, at a step of its own, also while it recovers from the one before; some lives have a disk that fails.
 * Whatever comes, the database holds what the truth says.
 */
import { type Database, type Directory, open, VicinalError } from "vicinal";
import {
  randomFrom,
  SimulatedDisk,
  Stopped,
} from "../../../packages/vicinal/dist/storage/simulated-disk.test.helper.js";
import { Faults } from "./faults.js";
import { probe, read } from "./inspect.js";
import { Truth, Violation } from "./truth.js";
import { LONGEST_LIFE, type Random, type Round, run, type Step, Workload } from "./workload.js";

export interface Plan {
  seed: number;
  /** The step of the first life at which the disk stops. Default: none. */
  stopAt?: number;
  /** Whether the disk fails too. Default false. */
  faults?: boolean;
  /** Lives that may end at any step, before the last two, which do not. Default 3. */
  lives?: number;
  /** Stands between the engine and the disk. */
  wrap?: (disk: SimulatedDisk) => Directory;
}

export interface Tally {
  crashes: number;
  faults: number;
  acknowledged: number;
  /** Points that were found to be gone since their time was over, and writes that were refused for a version. */
  expired: number;
  conflicts: number;
  /** Steps of the first life. */
  steps: number;
}

/** Rounds of operations in the first life, and in those after it. */
const ROUNDS = { first: 5, later: 2 };

/** @throws Violation, naming the plan. */
export async function runSchedule(plan: Plan): Promise<Tally> {
  const schedule = new Schedule(plan);
  const clock = Date.now;
  Date.now = () => schedule.now;
  try {
    return await schedule.run();
  } catch (cause) {
    const reason =
      cause instanceof Error ? (cause instanceof Violation ? cause.message : cause.stack) : cause;
    throw new Violation(`VICINAL_SCHEDULE=${nameOf(plan)}: ${reason}`, { cause });
  } finally {
    Date.now = clock;
  }
}

/** A plan as one word: seed, step of the stop, lives, faults. */
function nameOf({ seed, stopAt, lives, faults }: Plan): string {
  return `${seed}${stopAt === undefined ? "" : `s${stopAt}`}${lives === undefined ? "" : `l${lives}`}${faults ? "f" : ""}`;
}

export function planNamed(name: string): Plan {
  const [, seed, stopAt, lives, faults] = /^(\d+)(?:s(\d+))?(?:l(\d+))?(f?)$/.exec(name) ?? [];
  if (seed === undefined) throw new Error(`${name} is no schedule: expected one as 12, 12s34, 12s34l2f`);
  const numberOf = (text: string | undefined) => (text === undefined ? undefined : Number(text));
  return { seed: Number(seed), stopAt: numberOf(stopAt), lives: numberOf(lives), faults: faults === "f" };
}

/** What a rejection says of its operation. */
const refusals = [
  "VERSION_CONFLICT",
  "POINT_NOT_FOUND",
  "COLLECTION_EXISTS",
  "COLLECTION_NOT_FOUND",
  "BAD_REQUEST",
  "UNKNOWN_VECTOR",
];
const failures = ["IO", "DISK_FULL", "WRITES_REFUSED"];

class Schedule {
  readonly #plan: Plan;
  readonly #workload: Workload;
  /** Everything but the workload itself. */
  readonly #chance: Random;
  readonly #truth = new Truth();
  #disk: SimulatedDisk;
  #crashes = 0;
  /** A collection takes no writes while nobody knows whether it was dropped. */
  #isHalfDropped = false;
  #failures = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#workload = new Workload(randomFrom(plan.seed));
    this.#chance = randomFrom(plan.seed * 7919 + (plan.stopAt ?? -1) * 31);
    const sectorBytes = this.#chance() < 0.5 ? 64 : 512;
    this.#disk = new SimulatedDisk(this.#chance, { sectorBytes, windows: this.#chance() < 0.3 });
  }

  /** The clock that the engine sees: it stands still but between rounds, and goes on between lives. */
  get now(): number {
    return this.#truth.now;
  }

  async run(): Promise<Tally> {
    const { stopAt, lives = 3 } = this.#plan;
    let steps = 0;
    for (let life = 0; life < lives; life++) {
      const disk = this.#disk;
      if (life === 0) disk.stopAt = stopAt ?? Number.POSITIVE_INFINITY;
      else if (this.#chance() < 0.7) disk.stopAt = Math.floor(this.#chance() ** 2 * 100);
      const faults = this.#plan.faults ? new Faults(disk, this.#chance) : undefined;
      await this.#live(life === 0 ? ROUNDS.first : ROUNDS.later, faults);
      if (life === 0) steps = disk.steps;
      this.#failures += disk.failures;
      if (disk.stopped) this.#crashes++;
      this.#disk = this.#chance() < 0.6 ? disk.afterCrash() : disk.afterKill();
    }
    await this.#live(1, undefined);
    this.#truth.pass(LONGEST_LIFE);
    await this.#live(0, undefined);
    const { acknowledged, expired, conflicts } = this.#truth;
    return { crashes: this.#crashes, faults: this.#failures, acknowledged, expired, conflicts, steps };
  }

  async #live(rounds: number, faults: Faults | undefined): Promise<void> {
    this.#truth.pass(this.#workload.pause());
    let database = await this.#open(faults);
    for (let i = 0; i < rounds && database && !this.#disk.stopped; i++) {
      const round = this.#workload.next(this.#truth.view());
      await this.#round(database, round, faults);
      faults?.next();
      this.#truth.pass(this.#workload.pause());
      if (round.reopen) {
        await this.#close(database);
        database = await this.#open(faults);
      }
    }
    if (!database) return;
    if (!this.#disk.stopped) await this.#check(database, false, faults);
    await this.#close(database);
  }

  /** Undefined where it cannot be opened because of the disk. */
  async #open(faults: Faults | undefined): Promise<Database | undefined> {
    let database: Database | undefined;
    this.#isHalfDropped = false;
    try {
      database = await open(this.#plan.wrap?.(this.#disk) ?? this.#disk, { recallCheckShare: 0 });
      await this.#check(database, true, faults);
      return database;
    } catch (reason) {
      this.#allow(reason, "open");
      if (database) await this.#close(database);
      return undefined;
    }
  }

  async #check(database: Database, reopened: boolean, faults: Faults | undefined): Promise<void> {
    await (faults
      ? faults.without(() => this.#compare(database, reopened))
      : this.#compare(database, reopened));
  }

  async #compare(database: Database, reopened: boolean): Promise<void> {
    const found = await read(database);
    if (reopened) this.#truth.settle(found);
    else this.#truth.check(found);
    await probe(database, this.#truth, this.#chance);
  }

  async #round(database: Database, { steps }: Round, faults: Faults | undefined): Promise<void> {
    const outcomes = await Promise.allSettled<number | undefined>(steps.map((step) => run(database, step)));
    for (const [i, outcome] of outcomes.entries()) {
      this.#note(steps[i], outcome);
      if (outcome.status === "fulfilled" || refusals.includes(codeOf(outcome.reason))) continue;
      const step = steps[i];
      if (step.kind === "catalogue" && step.operation.kind === "drop") this.#isHalfDropped = true;
      if (faults?.passed && !this.#isHalfDropped && !this.#disk.stopped)
        throw new Violation(`${step.kind} fails though the disk has room again: ${outcome.reason}`);
    }
  }

  #note(step: Step, outcome: PromiseSettledResult<number | undefined>): void {
    if (outcome.status === "rejected" && !refusals.includes(codeOf(outcome.reason)))
      this.#allow(outcome.reason, step.kind);
    if (step.kind === "settle") return;
    if (outcome.status === "fulfilled") this.#truth.done(step, outcome.value);
    else if (refusals.includes(codeOf(outcome.reason)))
      this.#truth.refused(step, codeOf(outcome.reason) === "VERSION_CONFLICT");
    else this.#truth.failed(step);
  }

  async #close(database: Database): Promise<void> {
    try {
      await database.close();
    } catch (reason) {
      this.#allow(reason, "close");
    }
  }

  /** Nothing fails but for a disk that stopped or failed, and then it says so. */
  #allow(reason: unknown, what: string): void {
    if (this.#disk.stopped && isStop(reason)) return;
    if (this.#disk.failures > 0 && failures.includes(codeOf(reason))) return;
    const told = reason instanceof Error ? reason.stack : reason;
    throw reason instanceof Violation ? reason : new Violation(`${what} failed: ${codeOf(reason)} ${told}`);
  }
}

function codeOf(reason: unknown): string {
  return reason instanceof VicinalError ? reason.code : "";
}

function isStop(reason: unknown): boolean {
  return reason instanceof Stopped || (reason instanceof Error && isStop(reason.cause));
}
