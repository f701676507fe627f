/** How much of the machine is in use. */
import { statfsSync } from "node:fs";
import { totalmem } from "node:os";

/** 0..100: the process's resident memory, of the machine's or the container's. */
export function residentMemoryPercent(): number | undefined {
  const constrained = process.constrainedMemory?.() ?? 0;
  const machine = totalmem();
  // Without a limit some systems report an absurdly large one.
  const total = constrained > 0 && constrained < machine ? constrained : machine;
  return percentOf(process.memoryUsage.rss(), total);
}

/** Bytes of memory that the process has. */
export function residentMemoryBytes(): number | undefined {
  return process.memoryUsage.rss();
}

/** Bytes that this process could still take, of the machine or the container. */
export function availableMemory(): number | undefined {
  return process.availableMemory?.();
}

/** 0..100: of the file system on which the folder lies. */
export function diskUsagePercent(folder: string): number | undefined {
  try {
    const { blocks, bavail } = statfsSync(folder);
    return percentOf(blocks - bavail, blocks);
  } catch {
    // What cannot be measured limits nothing.
    return undefined;
  }
}

function percentOf(used: number, total: number): number | undefined {
  return total > 0 ? Math.min(100, Math.floor((used / total) * 100)) : undefined;
}
