/**
 * A schedule: one workload on one disk through several lives of the process. Each life ends in a power cut, a kill or a
 * closing, at a step of its own, also while it recovers from the one before; some lives have a disk that fails.
 * Whatever comes, the database holds what the truth says.
 */
import { type Database, open, VicinalError } from "vicinal";
import {
  randomFrom,
  SimulatedDisk,
  Stopped,
} from "../../../packages/vicinal/dist/storage/simulated-disk.test.helper.js";
import { Faults } from "./faults.js";
import { probe, read } from "./inspect.js";
import { Truth, Violation } from "./truth.js";
import { type Random, type Round, run, type Step, Workload } from "./workload.js";

export interface Plan {
  seed: number;
  /** The step of the first life at which the disk stops. Default: none. */
  stopAt?: number;
  /** Whether the disk fails too. Default false. */
  faults?: boolean;
  /** Rounds of a life. Default 6. */
  rounds?: number;
  /** Stands between the engine and the disk, to prove that a broken disk is noticed. */
  wrap?: (disk: SimulatedDisk) => SimulatedDisk;
}

export interface Tally {
  crashes: number;
  faults: number;
  acknowledged: number;
  /** Steps of the first life. */
  steps: number;
}

const LIVES = 3;
const LAST_ROUNDS = 2;

/** @throws Violation, naming the plan. */
export async function runSchedule(plan: Plan): Promise<Tally> {
  const schedule = new Schedule(plan);
  try {
    return await schedule.run();
  } catch (cause) {
    const { seed, stopAt, faults = false } = plan;
    const label = `${seed}${faults ? "f" : ""}${stopAt === undefined ? "" : `:${stopAt}`}`;
    const reason =
      cause instanceof Error ? (cause instanceof Violation ? cause.message : cause.stack) : cause;
    throw new Violation(`VICINAL_SCHEDULE=${label}: ${reason}`, { cause });
  }
}

/** What a rejection says of its operation. */
const refusals = [
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
  #failures = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#workload = new Workload(randomFrom(plan.seed));
    this.#chance = randomFrom(plan.seed * 7919 + (plan.stopAt ?? -1) * 31);
    const sectorBytes = this.#chance() < 0.5 ? 64 : 512;
    this.#disk = new SimulatedDisk(this.#chance, { sectorBytes, windows: this.#chance() < 0.3 });
  }

  async run(): Promise<Tally> {
    const { stopAt, rounds = 6 } = this.#plan;
    let steps = 0;
    for (let life = 0; life < LIVES; life++) {
      const disk = this.#disk;
      if (life === 0) disk.stopAt = stopAt ?? Number.POSITIVE_INFINITY;
      else if (this.#chance() < 0.7) disk.stopAt = Math.floor(this.#chance() ** 2 * 120);
      const faults = this.#plan.faults ? new Faults(disk, this.#chance) : undefined;
      await this.#live(rounds, faults);
      if (life === 0) steps = disk.steps;
      this.#failures += disk.failures;
      if (disk.stopped) this.#crashes++;
      this.#disk = this.#chance() < 0.7 ? disk.afterCrash() : disk.afterKill();
    }
    await this.#live(LAST_ROUNDS, undefined);
    await this.#live(0, undefined);
    return { crashes: this.#crashes, faults: this.#failures, acknowledged: this.#truth.acknowledged, steps };
  }

  async #live(rounds: number, faults: Faults | undefined): Promise<void> {
    let database = await this.#open(faults);
    for (let i = 0; i < rounds && database && !this.#disk.stopped; i++) {
      const round = this.#workload.next(this.#truth.view());
      await this.#round(database, round);
      faults?.next();
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

  async #round(database: Database, { steps }: Round): Promise<void> {
    const outcomes = await Promise.allSettled(steps.map((step) => run(database, step)));
    for (const [i, outcome] of outcomes.entries()) this.#note(steps[i], outcome);
  }

  #note(step: Step, outcome: PromiseSettledResult<void>): void {
    if (outcome.status === "rejected" && !refusals.includes(codeOf(outcome.reason)))
      this.#allow(outcome.reason, step.kind);
    if (step.kind === "settle") return;
    if (outcome.status === "fulfilled") this.#truth.done(step);
    else if (refusals.includes(codeOf(outcome.reason))) this.#truth.refused(step);
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
