/** `/issues`: problems that need a person. A collection whose files are damaged is the only one there is. */
import type { DamagedCollection, EngineApi } from "vicinal/protocol";

export interface Issue {
  id: string;
  title: string;
  description: string;
  solution: string;
  related_collection: string;
  timestamp: string;
}

/** When the problems were found: collections are opened at the start. */
const startedAt = new Date().toISOString();

export async function issuesOf(engine: EngineApi): Promise<Issue[]> {
  return (await engine.getNodeReport()).damaged.map(issueOf);
}

function issueOf({ name, code, reason }: DamagedCollection): Issue {
  return {
    id: `DAMAGED_COLLECTION/${name}`,
    title: `Collection ${name} is damaged and set aside`,
    description: `${code}: ${reason}. The other collections are served.`,
    solution:
      "Stop the server, look at the damage with `vicinal verify <data folder>`, and repair it with `vicinal repair <data folder>`; or restore a backup, or delete the collection",
    related_collection: name,
    timestamp: startedAt,
  };
}

/** One line for each damaged collection, for the log of a starting server. */
export async function damageLines(engine: Pick<EngineApi, "getNodeReport">): Promise<string[]> {
  return (await engine.getNodeReport()).damaged.map(
    ({ name, reason }) => `Collection ${name} is damaged and set aside: ${reason}`,
  );
}
