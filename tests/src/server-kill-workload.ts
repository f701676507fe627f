/** What the clients of the server's kill test write, each in ids of its own, and what each operation does to a model. */
export const COLLECTION = "points";
export const DIMENSIONS = 8;
const IDS = 300;

export interface StoredPoint {
  vector: number[];
  payload: Record<string, unknown>;
}
export type Model = Map<number, StoredPoint>;

type Written = StoredPoint & { id: number };

export interface Operation {
  method: "PUT" | "POST";
  path: string;
  body: unknown;
  apply(model: Model): void;
}

/** The points of one client: nobody else writes them. */
export class Owned {
  model: Model = new Map();
  /** Sent, and neither acknowledged nor refused. */
  inFlight: Operation | undefined;
  acknowledged = 0;
  /** Goes into payloads, so that no two writes are alike. */
  #written = 0;

  constructor(
    readonly number: number,
    readonly random: () => number,
  ) {}

  owns(id: number): boolean {
    return Math.floor(id / IDS) === this.number;
  }

  id(): number {
    return this.number * IDS + this.below(IDS);
  }

  below(bound: number): number {
    return Math.floor(this.random() * bound);
  }

  /** Different ids, in the order of their draw. */
  ids(most: number): number[] {
    return [...new Set(Array.from({ length: 1 + this.below(most) }, () => this.id()))];
  }

  points(): Written[] {
    return this.ids(20).map((id) => ({
      id,
      vector: Array.from({ length: DIMENSIONS }, () => Math.fround(this.random() - 0.5)),
      payload: { client: this.number, written: ++this.#written, rank: this.below(10) },
    }));
  }
}

export function applied(model: Model, operation: Operation): Model {
  const next = new Map(model);
  operation.apply(next);
  return next;
}

const put = (model: Model, points: readonly Written[]) => {
  for (const { id, ...point } of points) model.set(id, point);
};

const matching = (client: Owned, rank: number) => ({
  must: [
    { key: "client", match: { value: client.number } },
    { key: "rank", match: { value: rank } },
  ],
});

/** The next operation of a client. */
export function atRandom(client: Owned): Operation {
  const choice = client.random();
  if (choice < 0.45) return upsert(client.points());
  if (choice < 0.6) return conditional(client.points(), client.below(10));
  if (choice < 0.75) return remove(client.ids(5));
  if (choice < 0.9) return editPayload(client, client.below(10), client.below(1e6));
  return several(client, client.points(), client.below(10));
}

function upsert(points: Written[]): Operation {
  return { method: "PUT", path: "/points?wait=true", body: { points }, apply: (model) => put(model, points) };
}

/** Points that exist are written over where their rank is lower; those that do not exist are inserted. */
function conditional(points: Written[], rank: number): Operation {
  const update_filter = { must: [{ key: "rank", range: { lt: rank } }] };
  return {
    method: "PUT",
    path: "/points?wait=true",
    body: { points, update_filter },
    apply(model) {
      put(
        model,
        points.filter(({ id }) => !model.has(id) || (model.get(id)?.payload.rank as number) < rank),
      );
    },
  };
}

function remove(ids: number[]): Operation {
  return {
    method: "POST",
    path: "/points/delete?wait=true",
    body: { points: ids },
    apply(model) {
      for (const id of ids) model.delete(id);
    },
  };
}

function editPayload(client: Owned, rank: number, edited: number): Operation {
  return {
    method: "POST",
    path: "/points/payload?wait=true",
    body: { payload: { edited }, filter: matching(client, rank) },
    apply(model) {
      for (const [id, { vector, payload }] of model)
        if (payload.rank === rank) model.set(id, { vector, payload: { ...payload, edited } });
    },
  };
}

/** Points are written and those of a rank deleted: as one. */
function several(client: Owned, points: Written[], rank: number): Operation {
  return {
    method: "POST",
    path: "/points/batch?wait=true",
    body: { operations: [{ upsert: { points } }, { delete: { filter: matching(client, rank) } }] },
    apply(model) {
      put(model, points);
      for (const [id, { payload }] of [...model]) if (payload.rank === rank) model.delete(id);
    },
  };
}
