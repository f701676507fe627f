/** A page cannot read processor time; the clock on the wall stands for it. */

export function threadCpuMs(): number {
  return performance.now();
}

export function processCpuMs(): number {
  return performance.now();
}
