/** Pictures in a database in the page, by what they show. */
import { createFor, type Model } from "@vicinal/extract";
import { type Database, open } from "vicinal";

const COLLECTION = "pictures";

export interface Hit {
  id: number;
  /** 1 - cosine: 0 for the same, 2 at most. */
  distance: number;
}

export class Album {
  #count = 0;

  private constructor(
    private readonly database: Database,
    private readonly model: Model<Uint8Array>,
  ) {}

  static async open(model: Model<Uint8Array>): Promise<Album> {
    const database = await open(":memory:");
    await createFor(database, COLLECTION, model);
    return new Album(database, model);
  }

  get size(): number {
    return this.#count;
  }

  /** Ids in the order of the pictures; an error in the place of one that cannot be read. */
  async add(
    pictures: readonly File[],
    onProgress: (done: number, total: number) => void,
  ): Promise<(number | Error)[]> {
    const bytes = await Promise.all(pictures.map(async (file) => new Uint8Array(await file.arrayBuffer())));
    const { vectors, failures } = await this.model.embed(bytes, { onProgress });
    const ids = vectors.map((vector, i) => {
      if (vector) return this.#count++;
      return failures.find(({ index }) => index === i)?.error ?? new Error("no vector was made");
    });
    const points = ids.flatMap((id, i) =>
      typeof id === "number"
        ? [{ id, vector: vectors[i] as Float32Array, payload: { name: pictures[i].name } }]
        : [],
    );
    if (points.length > 0) await this.database.upsert(COLLECTION, { points });
    return ids;
  }

  /** The pictures most like one of the album, the nearest first, itself left out. */
  async like(id: number, limit: number): Promise<Hit[]> {
    const { points } = await this.database.query(COLLECTION, { query: id, limit });
    return points.map((point) => ({ id: Number(point.id), distance: 1 - point.score }));
  }
}
