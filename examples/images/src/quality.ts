/** How often the photo most like another is of its group, and how often the network names a photo's class. */
import { loadModel, models, registerModel, type SourceItem } from "@vicinal/extract";
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

const CLASSES = "mobilenet-v2-classes";
/** Of MobileNetV2's outputs the first is for the background. */
const BACKGROUND = 1;

export interface ClassAccuracy {
  photos: number;
  top1: number;
  top5: number;
}

/** How often a photo's class (0..999 of ImageNet) has the largest of the network's scores, or one of the five largest. */
export async function classAccuracy(
  items: AsyncIterable<SourceItem<Uint8Array>>,
  classOf: (file: string) => number | undefined,
): Promise<ClassAccuracy> {
  registerModel(CLASSES, { ...models["mobilenet-v2"], output: "logits", dimensions: 1001 });
  const model = await loadModel<Uint8Array>(CLASSES);
  const found = { photos: 0, top1: 0, top5: 0 };
  try {
    for await (const { key, load } of items) {
      const wanted = classOf(key);
      if (wanted === undefined) continue;
      const [scores] = (await model.embed([await load()])).vectors;
      if (!scores) continue;
      const own = scores[wanted + BACKGROUND];
      const above = scores.reduce((count, score) => count + (score > own ? 1 : 0), 0);
      found.photos++;
      if (above === 0) found.top1++;
      if (above < 5) found.top5++;
    }
  } finally {
    await model.close();
  }
  const { photos } = found;
  return { photos, top1: found.top1 / photos, top5: found.top5 / photos };
}
