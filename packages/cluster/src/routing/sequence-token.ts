/**
 * Sequence tokens: what a write's answer says of where it was put, so that a read anywhere can be made to see it. A token names
 * shards of collections and the last write of each that was acknowledged, and by which division into shards it speaks:
 *
 *   <collection's id>~<division>:<shard>=<sequence>.<shard>=<sequence>
 *
 * Several are joined by commas, as HTTP joins headers of one name.
 */
import { createHash } from "node:crypto";
import { VicinalError } from "vicinal/shard";
import type { RoutingRecord } from "../node/records.js";

export interface Position {
  collection: string;
  division: string;
  /** By shard: its last write. */
  shards: Map<number, number>;
}

const TOKEN = /^([A-Za-z0-9_-]+)~([0-9a-f]+):((?:\d{1,9}=\d{1,16}\.?)*)$/;
/** Of what a client sends. */
const LENGTH_MAX = 16_384;

/** BAD_REQUEST */
export function parseTokens(text: string): Position[] {
  if (text.length > LENGTH_MAX) throw bad(`it has more than ${LENGTH_MAX} characters`);
  const positions = text.split(",").map((token) => {
    const [, collection, division, shards] = TOKEN.exec(token.trim()) ?? [];
    if (collection === undefined)
      throw bad(`${token.trim().slice(0, 80)} is no token that a write's answer had`);
    const places = shards.split(".").filter((place) => place !== "");
    return { collection, division, shards: new Map(places.map(placeOf)) };
  });
  return merged(positions);
}

function placeOf(place: string): [number, number] {
  const [shard, sequence] = place.split("=").map(Number);
  return [shard, sequence];
}

export function formatTokens(positions: readonly Position[]): string {
  return positions
    .map(({ collection, division, shards }) => {
      const places = [...shards].map(([shard, sequence]) => `${shard}=${sequence}`);
      return `${collection}~${division}:${places.join(".")}`;
    })
    .join(",");
}

/** One position of each collection and division, which has seen what all of them have. */
export function merged(positions: readonly Position[]): Position[] {
  const known = new Map<string, Position>();
  for (const { collection, division, shards } of positions) {
    const name = `${collection}~${division}`;
    const one = known.get(name) ?? { collection, division, shards: new Map<number, number>() };
    known.set(name, one);
    for (const [shard, sequence] of shards)
      one.shards.set(shard, Math.max(sequence, one.shards.get(shard) ?? 0));
  }
  return [...known.values()];
}

/** What changes when points change their shards, and not when replicas change their nodes. */
export function divisionOf({ shards }: Pick<RoutingRecord, "shards">): string {
  const named = shards.map(({ id, key, change }) => JSON.stringify([id, key, change]));
  return createHash("sha256").update(named.join()).digest("hex").slice(0, 8);
}

/**
 * What a read of a shard must have seen. Where points have changed their shards since, what a token says of one shard speaks for
 * none of them: the read then sees all that was acknowledged.
 */
export function seenBy(
  positions: readonly Position[],
  { id, routing }: { id: string; routing: RoutingRecord },
  shard: number,
): { minSequence?: number; strong?: true } {
  const concerned = positions.filter(({ collection }) => collection === id);
  if (concerned.length === 0) return {};
  const division = divisionOf(routing);
  if (concerned.some((position) => position.division !== division)) return { strong: true };
  return { minSequence: concerned[0].shards.get(shard) };
}

function bad(why: string): VicinalError {
  return new VicinalError("BAD_REQUEST", `minSequence: ${why}`, { field: "minSequence" });
}
