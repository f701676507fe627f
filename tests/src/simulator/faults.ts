/** How a disk fails during one life: it is full for a while, or one kind of operation fails, once or from then on. */
import type {
  Operation,
  SimulatedDisk,
} from "../../../packages/vicinal/dist/storage/simulated-disk.test.helper.js";
import type { Random } from "./workload.js";

/** Where: anywhere, or in files of one kind alone, lest the log always be the first to fail. */
const places = ["", "catalogue/", "/manifest-", "/log/", "/segments/"];
const kinds = ["append", "sync", "create", "delete", "reopen", "read", "list"] as const;

export class Faults {
  readonly #disk: SimulatedDisk;
  #paused = false;
  /** Rounds until a full disk has room again; -1 from then on. */
  #fullRounds = 0;

  constructor(disk: SimulatedDisk, random: Random) {
    this.#disk = disk;
    if (random() < 0.4) {
      disk.capacityBytes = disk.usedBytes + Math.floor(random() ** 2 * 40_000);
      this.#fullRounds = 1 + Math.floor(random() * 5);
      return;
    }
    const kind = kinds[Math.floor(random() * kinds.length)];
    const first = Math.floor(random() ** 2 * (kind === "append" || kind === "read" ? 30 : 12));
    const last = random() < 0.5 ? first : Number.POSITIVE_INFINITY;
    const place = places[Math.floor(random() * places.length)];
    let count = 0;
    disk.fails = (operation: Operation, path: string) => {
      if (this.#paused || operation !== kind || !path.includes(place)) return false;
      const number = count++;
      return number >= first && number <= last;
    };
  }

  /** Whether a disk that was full has room again. */
  get passed(): boolean {
    return this.#fullRounds < 0;
  }

  /** A round has passed. */
  next(): void {
    if (this.#fullRounds <= 0 || --this.#fullRounds > 0) return;
    this.#disk.capacityBytes = Number.POSITIVE_INFINITY;
    this.#fullRounds = -1;
  }

  /** Runs what is to see no failures. */
  async without(work: () => Promise<void>): Promise<void> {
    this.#paused = true;
    try {
      await work();
    } finally {
      this.#paused = false;
    }
  }
}
