/** Promotion: which of a shard's points a filter finds, and which points a record of its log may have changed. */
import { parseJson, type RawJson, type ScrollResult } from "vicinal/protocol";
import { type Collection, type Effect, Engine, type PointId, parsePointId } from "vicinal/shard";
import { SingleCatalogue } from "./single-catalogue.js";

const PAGE = 10_000;

/** @param filter JSON. @param among Of these alone. */
export async function matching(
  collection: Collection,
  filter: string,
  among?: readonly PointId[],
): Promise<PointId[]> {
  const engine = new Engine(new SingleCatalogue(collection));
  const wanted = [parseJson(filter), ...(among ? [{ has_id: among }] : [])];
  const found: PointId[] = [];
  for (let offset: PointId | undefined; ; ) {
    const request = { filter: { must: wanted }, limit: PAGE, offset, with_payload: false };
    const page: ScrollResult<RawJson> = await engine.scroll("c", request as never);
    for (const { id } of page.points) found.push(parsePointId(id));
    const next = page.next_page_offset;
    if (next === null || next === undefined) return found;
    offset = parsePointId(next);
  }
}

/** By id. */
export function touchedBy(effects: readonly Effect[]): Map<string, PointId> {
  const ids = effects.flatMap((effect): readonly PointId[] => {
    if (effect.kind === "upsert") return effect.points.map(({ id }) => id);
    if (effect.kind === "blob") return [effect.id];
    return effect.kind === "delete" || effect.kind === "payload" ? effect.ids : [];
  });
  return new Map(ids.map((id) => [String(id), id]));
}
