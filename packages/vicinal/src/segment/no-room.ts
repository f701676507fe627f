/** What the optimizer says where the disk or the memory does not suffice. */
import { VicinalError } from "../runtime/errors.js";
import type { Room } from "../runtime/resources.js";

export function isFull(reason: unknown): reason is VicinalError {
  return reason instanceof VicinalError && reason.code === "DISK_FULL";
}

/** Says what waits for room: DISK_FULL or OUT_OF_MEMORY. */
export function noRoom({ what, need }: { what: string; need: Room }, room: Room): VicinalError {
  const kind = need.disk > room.disk ? "disk" : "memory";
  const details = { needBytes: need[kind], freeBytes: Math.max(0, room[kind]) };
  const message = `${what} waits: needs ${inMib(need[kind])} of ${kind}, free ${inMib(Math.max(0, room[kind]))}`;
  return new VicinalError(kind === "disk" ? "DISK_FULL" : "OUT_OF_MEMORY", message, details);
}

function inMib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
