/** Scales of a chart: from values to places along an axis, with the values that are written beside it. */

export interface Scale {
  /** 0 at the axis's beginning, 1 at its end; beyond for values outside. */
  place(value: number): number;
  ticks: readonly number[];
  format(tick: number): string;
}

const plain = (value: number) => value.toLocaleString("en", { maximumFractionDigits: 4 });

function between(low: number, high: number, of: (value: number) => number): (value: number) => number {
  const [from, to] = [of(low), of(high)];
  return (value) => (of(value) - from) / (to - from);
}

/** For values above 0: from 0, or from just below the least value where all lie far from 0, to just above the greatest. */
export function linearScale(values: readonly number[]): Scale {
  const high = Math.max(...values);
  const low = Math.min(...values) > high / 2 ? Math.min(...values) : 0;
  const step = roundStep(Math.max(high - low, high / 100) / 6);
  // A little room, so that nothing sits on the frame.
  const first = low === 0 ? 0 : Math.floor((low - step * 0.2) / step);
  const last = Math.ceil((high + step * 0.2) / step);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  return { place: between(ticks[0], ticks[ticks.length - 1], (value) => value), ticks, format: plain };
}

/** 1, 2 or 5 times a power of ten, the least that is not below the value. */
function roundStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((digit) => digit * power >= value) ?? 10);
}

/** Logarithmic, for values above 0: ticks at 1, 2 and 5 times powers of ten; over many powers at these alone. */
export function logScale(values: readonly number[]): Scale {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const digits = high / low > 2000 ? [1] : [1, 2, 5];
  const firstPower = Math.floor(Math.log10(low));
  const steps = Array.from({ length: Math.ceil(Math.log10(high)) - firstPower + 2 }, (_, i) => i + firstPower)
    .flatMap((power) => digits.map((digit) => digit * 10 ** power))
    .map((step) => Number(step.toPrecision(3)));
  const first = steps.findLastIndex((step) => step <= low);
  const last = steps.findIndex((step) => step > high);
  const ticks = steps.slice(Math.max(first, 0), last + 1);
  return { place: between(ticks[0], ticks[ticks.length - 1], Math.log10), ticks, format: plain };
}

const recallTicks = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999];

/** Recall r at -log10(1 - r), so that 0.9, 0.99 and 0.999 stand equally far apart; 0.9999 and above at the end. */
export function recallScale(lowest: number): Scale {
  const nines = (recall: number) => -Math.log10(Math.max(1 - recall, 1e-4));
  return {
    place: between(lowest, 0.9999, nines),
    ticks: recallTicks.filter((tick) => tick >= lowest),
    format: (tick) => (tick === 0.9999 ? "1" : plain(tick)),
  };
}
