/**
 * Quotas: shares of the machine from which on nothing is written that takes more. Deletions pass, so that room can be made.
 * Once over a limit, use must fall some way below it before writes are taken again, lest they be taken one by one.
 */
import { diskUsagePercent, residentMemoryPercent } from "#platform/resources.js";
import { VicinalError } from "../../runtime/errors.js";
import type { QuotaConfig, QuotaStatus } from "../schema/index.js";

const DEFAULT_MARGIN_PERCENT = 5;
/** Measurements are kept for so long: a write must not wait for the operating system. */
const FRESH_MS = 200;

interface Usage {
  memory: number | undefined;
  disk: number | undefined;
}

interface Resource {
  name: keyof Usage;
  /** What the messages call it. */
  text: string;
  setting: "max_resident_memory_percent" | "max_disk_usage_percent";
  isOver: boolean;
}

export class Quotas {
  config: QuotaConfig = {};
  readonly #measure: () => Usage;
  #usage: Usage = { memory: undefined, disk: undefined };
  #measuredMs = Number.NEGATIVE_INFINITY;
  readonly #resources: Resource[] = [
    { name: "memory", text: "Resident memory usage", setting: "max_resident_memory_percent", isOver: false },
    { name: "disk", text: "Disk usage", setting: "max_disk_usage_percent", isOver: false },
  ];

  /**
   * @param folder Where the data lies; undefined in memory.
   * @param freshMs How long a measurement serves.
   */
  constructor(
    folder: string | undefined,
    measure = (): Usage => ({
      memory: residentMemoryPercent(),
      disk: folder === undefined ? undefined : diskUsagePercent(folder),
    }),
    private readonly freshMs = FRESH_MS,
  ) {
    this.#measure = measure;
  }

  get usage(): Usage {
    const nowMs = performance.now();
    if (nowMs - this.#measuredMs >= this.freshMs) {
      this.#usage = this.#measure();
      this.#measuredMs = nowMs;
    }
    return this.#usage;
  }

  status(): QuotaStatus {
    const { memory, disk } = this.usage;
    return {
      config: { ...this.config, enabled: this.config.enabled ?? false },
      usage: { resident_memory_percent: memory ?? null, disk_usage_percent: disk ?? null },
    };
  }

  /** Whether writes are refused because of it; null where it is not limited or cannot be measured. */
  exceeded(): { resident_memory: boolean | null; disk_usage: boolean | null } {
    const [memory, disk] = this.#resources.map((resource) => {
      const threshold = this.#threshold(resource);
      return threshold === undefined ? null : resource.isOver;
    });
    return { resident_memory: memory, disk_usage: disk };
  }

  /** Undefined where nothing is limited or measured; settles on the way whether the limit is exceeded. */
  #threshold(resource: Resource): { used: number; limit: number; threshold: number } | undefined {
    const limit = this.config.enabled ? this.config[resource.setting] : undefined;
    const used = typeof limit === "number" ? this.usage[resource.name] : undefined;
    if (typeof limit !== "number" || used === undefined) {
      resource.isOver = false;
      return undefined;
    }
    const margin = this.config.release_margin_percent ?? DEFAULT_MARGIN_PERCENT;
    const threshold = resource.isOver ? Math.max(0, limit - margin) : limit;
    resource.isOver = used >= threshold;
    return { used, limit, threshold };
  }

  /** @throws OVER_QUOTA */
  admit(): void {
    if (!this.config.enabled) return;
    for (const resource of this.#resources) {
      const found = this.#threshold(resource);
      if (!found || !resource.isOver) continue;
      const { used, limit, threshold } = found;
      const why =
        used >= limit
          ? `exceeding the configured limit of ${limit}%`
          : `which must fall below ${threshold}% after it reached the limit of ${limit}%`;
      throw new VicinalError(
        "OVER_QUOTA",
        `${resource.text} is at ${used}%, ${why}. Help: Delete points or collections, or raise \`${resource.setting}\` of the quotas.`,
        { field: resource.setting, used, limit },
      );
    }
  }
}
