/** What operators ask of a server: who it is, whether it lives, what it did. */
import { type EngineApi, VicinalError } from "vicinal/protocol";
import { apiVersion, productVersion } from "./version.js";

/** Answer of `/`. Clients read `title` and `version`. */
export const versionInfo = {
  title: "vicinal - vector database",
  version: apiVersion,
  vicinal_version: productVersion,
};

interface Tally {
  count: number;
  /** Sum of the times from arrival to answer. */
  durationMs: number;
}

/** Counts answers by method, path pattern and status, for `/telemetry` and `/metrics`. */
export class RequestTally {
  private readonly startedAt = new Date().toISOString();
  private readonly tallies = new Map<string, Map<number, Tally>>();

  /** @param endpoint Method and path pattern: `PUT /collections/{collection_name}`. */
  add(endpoint: string, status: number, durationMs: number): void {
    const byStatus = this.tallies.get(endpoint) ?? new Map<number, Tally>();
    this.tallies.set(endpoint, byStatus);
    const tally = byStatus.get(status) ?? { count: 0, durationMs: 0 };
    tally.count++;
    tally.durationMs += durationMs;
    byStatus.set(status, tally);
  }

  async telemetry(engine: EngineApi): Promise<Record<string, unknown>> {
    const { collections } = await engine.getCollections();
    const responses: Record<string, Record<string, unknown>> = {};
    for (const [endpoint, byStatus] of this.tallies) {
      responses[endpoint] = {};
      for (const [status, { count, durationMs }] of byStatus) {
        responses[endpoint][status] = { count, avg_duration_micros: Math.round((durationMs / count) * 1000) };
      }
    }
    return {
      app: { name: "vicinal", version: apiVersion, vicinal_version: productVersion, startup: this.startedAt },
      collections: { number_of_collections: collections.length },
      requests: { rest: { responses } },
    };
  }

  /** The text format of Prometheus. */
  async metrics(engine: EngineApi): Promise<string> {
    const { collections } = await engine.getCollections();
    const lines = [
      ...family("app_info", "gauge", "What is running"),
      `app_info{name="vicinal",version="${productVersion}"} 1`,
      ...family("collections_total", "gauge", "Number of collections"),
      `collections_total ${collections.length}`,
      ...family("memory_resident_bytes", "gauge", "Resident memory of the process"),
      `memory_resident_bytes ${process.memoryUsage.rss()}`,
      ...family("rest_responses_total", "counter", "Answers"),
      ...this.samples("rest_responses_total", (tally) => tally.count),
      ...family(
        "rest_responses_duration_seconds_total",
        "counter",
        "Sum of the times from arrival to answer",
      ),
      ...this.samples("rest_responses_duration_seconds_total", (tally) => tally.durationMs / 1000),
    ];
    return `${lines.join("\n")}\n`;
  }

  private *samples(name: string, sampleOf: (tally: Tally) => number): Iterable<string> {
    for (const [endpoint, byStatus] of this.tallies) {
      const [method, path] = endpoint.split(" ");
      for (const [status, tally] of byStatus)
        yield `${name}{method="${method}",endpoint="${path}",status="${status}"} ${sampleOf(tally)}`;
    }
  }
}

function family(name: string, type: "gauge" | "counter", help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

/** Throws unless the engine answers: what `/readyz` asks. */
export async function assertReady(engine: EngineApi): Promise<void> {
  try {
    await engine.getCollections();
  } catch (cause) {
    throw new VicinalError("CLOSED", "The database does not answer", {}, { cause });
  }
}
