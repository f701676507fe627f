/** A page is not told how much of the machine is in use. */

export function residentMemoryPercent(): number | undefined {
  return undefined;
}

export function residentMemoryBytes(): number | undefined {
  return undefined;
}

export function diskUsagePercent(_folder: string): number | undefined {
  return undefined;
}

export function availableMemory(): number | undefined {
  return undefined;
}
