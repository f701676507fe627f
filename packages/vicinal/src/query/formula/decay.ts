/**
 * Decay functions: 1 where a value is on target, less the farther it is away, `midpoint` at a distance of `scale`. With
 * d = |x - target|:
 *
 *   lin_decay    max(0, 1 - d (1 - midpoint) / scale)
 *   exp_decay    midpoint ^ (d / scale)
 *   gauss_decay  midpoint ^ (d / scale)^2
 */
import type { Decay, DecayKind } from "./expression.js";

const MIDPOINT = 0.5;
const SCALE = 1;

/** What is wrong with its parameters, if anything. */
export function decayFault(kind: DecayKind, { midpoint, scale }: Omit<Decay, "x">): string | undefined {
  const middle = Number(midpoint ?? MIDPOINT);
  if (kind === "lin_decay") {
    if (!(middle >= 0 && middle <= 1)) return `midpoint must be from 0 to 1, got ${middle}`;
  } else if (!(middle > 0 && middle < 1)) {
    return `midpoint must be above 0 and below 1, got ${middle}`;
  }
  return (scale ?? SCALE) > 0 ? undefined : `scale must be above 0, got ${scale}`;
}

/** The function of the distance from the target, which may have either sign. */
export function decayOf(
  kind: DecayKind,
  { midpoint, scale }: Omit<Decay, "x">,
): (distance: number) => number {
  const middle = Number(midpoint ?? MIDPOINT);
  const reach = Number(scale ?? SCALE);
  if (kind === "lin_decay") {
    const slope = (1 - middle) / reach;
    return (distance) => Math.max(0, 1 - slope * Math.abs(distance));
  }
  const rate = Math.log(middle) / (kind === "exp_decay" ? reach : reach * reach);
  return kind === "exp_decay"
    ? (distance) => Math.exp(rate * Math.abs(distance))
    : (distance) => Math.exp(rate * distance * distance);
}
