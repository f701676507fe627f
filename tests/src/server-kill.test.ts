/**
 * Kills `vicinal serve` with SIGKILL while several clients write over REST, again and again, and checks after each
 * restart that every acknowledged write is there, and of each client's operation in flight all or nothing.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { withFolder } from "./homes.js";
import { random } from "./kill-workload.js";
import { RawRest } from "./raw-rest.js";
import { applied, atRandom, COLLECTION, DIMENSIONS, type Model, Owned } from "./server-kill-workload.js";

const KILLS = Number(process.env.VICINAL_KILLS ?? 4);
const CLIENTS = 4;
const command = fileURLToPath(new URL("../../packages/cli/bin/vicinal.js", import.meta.url));

interface Serving {
  rest: RawRest;
  child: ChildProcess;
  kill(): Promise<void>;
}

/** Starts the server at a port of the system's choice; resolves when it answers. */
async function start(folder: string): Promise<Serving> {
  const child = spawn(process.execPath, [command, "serve", "--data", folder, "--port", "0", "--no-grpc"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  let output = "";
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk;
      const address = /at (http:\S+?)[,\s]/.exec(output);
      if (address) resolve(address[1]);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    ended.then(() => reject(new Error(`The server ended by itself: ${output}`)));
  });
  const kill = async () => {
    child.kill("SIGKILL");
    const [, signal] = await ended;
    expect(signal, `the server ended by itself: ${output}`).toBe("SIGKILL");
  };
  return { rest: new RawRest(url), child, kill };
}

/** What is stored, by id. */
async function stored(rest: RawRest): Promise<Model> {
  const model: Model = new Map();
  for (let offset: unknown; offset !== null; ) {
    const page = await rest.result("POST", `/collections/${COLLECTION}/points/scroll`, {
      limit: 500,
      with_vector: true,
      with_payload: true,
      offset,
    });
    // Numbers come as the shortest text that is the same float32.
    for (const { id, vector, payload } of page.points)
      model.set(id, { vector: vector.map(Math.fround), payload });
    offset = page.next_page_offset ?? null;
  }
  return model;
}

/** Ids of the points that are not the same in both, bit by bit. */
function different(a: Model, b: Model): number[] {
  const text = (model: Model, id: number) => JSON.stringify(model.get(id));
  return [...new Set([...a.keys(), ...b.keys()])].filter((id) => text(a, id) !== text(b, id));
}

const total = (clients: readonly Owned[]) => clients.reduce((sum, { acknowledged }) => sum + acknowledged, 0);

/** Points of one client are written by nobody else: its acknowledged operations give exactly what is there. */
async function writeUntilKilled(client: Owned, rest: RawRest, isKilled: () => boolean): Promise<void> {
  for (;;) {
    const operation = atRandom(client);
    client.inFlight = operation;
    try {
      await rest.result(operation.method, `/collections/${COLLECTION}${operation.path}`, operation.body);
    } catch (error) {
      if (isKilled()) return;
      throw error;
    }
    client.model = applied(client.model, operation);
    client.inFlight = undefined;
    client.acknowledged++;
  }
}

test(
  `the server killed ${KILLS} times under ${CLIENTS} clients loses no acknowledged write`,
  {
    timeout: 60_000 + KILLS * 10_000,
  },
  () =>
    withFolder(async (folder) => {
      const seed = Number(process.env.VICINAL_SEED ?? 20261123);
      const next = random(seed);
      const clients = Array.from({ length: CLIENTS }, (_, i) => new Owned(i, random(seed + 1 + i)));
      let kept = 0;
      let points = 0;
      for (let kill = 0; kill <= KILLS; kill++) {
        const server = await start(folder);
        try {
          if (kill === 0) {
            await server.rest.result("PUT", `/collections/${COLLECTION}`, {
              vectors: { size: DIMENSIONS, distance: "Euclid" },
            });
          }
          const found = await stored(server.rest);
          points = found.size;
          for (const client of clients) {
            const mine: Model = new Map([...found].filter(([id]) => client.owns(id)));
            if (different(mine, client.model).length > 0 && client.inFlight) {
              client.model = applied(client.model, client.inFlight);
              kept++;
            }
            const where = `client ${client.number} after kill ${kill} (seed ${seed})`;
            expect(different(mine, client.model), where).toEqual([]);
            client.inFlight = undefined;
          }
          if (kill === KILLS) break;
          let isKilled = false;
          const writing = Promise.all(clients.map((c) => writeUntilKilled(c, server.rest, () => isKilled)));
          // So many acknowledgements, however fast the machine is; then any moment of what is in flight.
          const enough = total(clients) + 5 + Math.floor(next() * 60);
          while (total(clients) < enough) await Promise.race([writing, sleep(2)]);
          await sleep(next() * 10);
          isKilled = true;
          await server.kill();
          await writing;
        } finally {
          server.child.kill("SIGKILL");
        }
      }
      const acknowledged = total(clients);
      console.log(
        `server killed ${KILLS} times (seed ${seed}): ${acknowledged} acknowledged writes checked, lost 0, in flight and kept ${kept}, ${points} points at the end`,
      );
      expect(acknowledged).toBeGreaterThanOrEqual(5 * KILLS);
    }),
);
