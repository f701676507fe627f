/** Putting together what shards answer. */
import { type PointRecord, RawJson, type ScoredPoint } from "vicinal/protocol";
import { type PointId, parsePointId } from "vicinal/shard";

export type Hit = ScoredPoint<RawJson>;
export type Row = PointRecord<RawJson>;

/** Payloads lose their class on the way between nodes. */
export function revived<P extends Row>(points: P[]): P[] {
  for (const point of points)
    if (point.payload && !(point.payload instanceof RawJson))
      point.payload = new RawJson((point.payload as RawJson).bytes);
  return points;
}

/** Integers ascending, then UUIDs. */
export function compareIds(a: PointId, b: PointId): number {
  const [x, y] = [parsePointId(a), parsePointId(b)];
  const [isText, isOther] = [typeof x === "string", typeof y === "string"];
  if (isText !== isOther) return isText ? 1 : -1;
  return x < y ? -1 : x > y ? 1 : 0;
}

type Order = (a: Row, b: Row) => number;

/** The best first, equal ones in the order of their ids. */
export function byScore(smallerIsBetter: boolean): (a: Hit, b: Hit) => number {
  const sign = smallerIsBetter ? 1 : -1;
  return (a, b) => sign * (a.score - b.score) || compareIds(a.id as PointId, b.id as PointId);
}

/** Of records with the value that they are ordered by. */
export function byField(descending: boolean): Order {
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const [x, y] = [a.order_value ?? 0, b.order_value ?? 0];
    return sign * (x < y ? -1 : x > y ? 1 : 0) || compareIds(a.id as PointId, b.id as PointId);
  };
}

export function best(answers: readonly Hit[][], limit: number, smallerIsBetter: boolean): Hit[] {
  return answers.flat().sort(byScore(smallerIsBetter)).slice(0, limit);
}

export function inOrderOfIds<P extends Row>(answers: readonly P[][], limit: number): P[] {
  return answers
    .flat()
    .sort((a, b) => compareIds(a.id as PointId, b.id as PointId))
    .slice(0, limit);
}

export function inOrderOfField(answers: readonly Row[][], limit: number, descending: boolean): Row[] {
  return answers.flat().sort(byField(descending)).slice(0, limit);
}

/** A random choice of all, each shard's in proportion to what it has. */
export function sampled<P>(answers: readonly P[][], counts: readonly number[], limit: number): P[] {
  const left = answers.map((answer) => [...answer]);
  const weights = [...counts];
  const chosen: P[] = [];
  while (chosen.length < limit) {
    const total = weights.reduce((sum, weight, i) => sum + (left[i].length > 0 ? weight : 0), 0);
    if (total <= 0) break;
    let at = Math.random() * total;
    const i = weights.findIndex((weight, j) => {
      if (left[j].length === 0) return false;
      at -= weight;
      return at < 0;
    });
    if (i < 0) break;
    chosen.push(left[i].shift() as P);
    weights[i]--;
  }
  return chosen;
}

/** Objects of one form: numbers add up, lists are joined, of the rest the first counts. */
export function summed(values: readonly unknown[]): unknown {
  const [first] = values;
  if (typeof first === "number") return values.reduce((sum: number, value) => sum + Number(value ?? 0), 0);
  if (Array.isArray(first)) return values.flat();
  if (first === null || typeof first !== "object") return first;
  return Object.fromEntries(
    Object.keys(first).map((name) => [
      name,
      summed(values.map((value) => (value as Record<string, unknown>)[name])),
    ]),
  );
}
