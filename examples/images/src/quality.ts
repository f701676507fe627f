/** How often the photo most like another is of its group. */
import type { Database } from "vicinal";
import { collection } from "./library.js";

export interface Precision {
  /** Photos that have a group. */
  photos: number;
  /** Share of them whose nearest other photo with a group is of the same. */
  at1: number;
  /** Mean share among the nearest five. */
  at5: number;
}

/** Over the points whose payload has a `group`. */
export async function groupPrecision(database: Database): Promise<Precision> {
  const hasGroup = { must_not: [{ is_empty: { key: "group" } }] };
  const { points } = await database.scroll(collection, {
    filter: hasGroup,
    limit: 100_000,
    with_payload: ["group"],
  });
  let at1 = 0;
  let at5 = 0;
  for (const { id, payload } of points) {
    const found = await database.query(collection, {
      query: id,
      filter: hasGroup,
      limit: 5,
      params: { exact: true },
      with_payload: ["group"],
    });
    const same = found.points.map((point) => point.payload?.group === payload?.group);
    at1 += Number(same[0]);
    at5 += same.filter(Boolean).length / same.length;
  }
  return { photos: points.length, at1: at1 / points.length, at5: at5 / points.length };
}
