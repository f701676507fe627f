/**
 * Collision probabilities: what each family's theorem says about Pr[h(x) = h(y)], over the draw of h.
 *
 *   p-stable, Gaussian a    Datar, Immorlica, Indyk, Mirrokni 2004: a function of c = |x - y|, for b uniform in [0, w)
 *   p-stable, Cauchy a      the same paper, of the Manhattan distance
 *   hyperplane              Goemans, Williamson 1995; Charikar 2002: 1 - angle / pi, exactly
 *   cross-polytope          Andoni et al. 2015: ln 1/p = t^2 / (4 - t^2) ln d + O(ln ln d), t = |x - y| of unit vectors
 *
 * Without the offset b the boundaries lie at multiples of w for every draw, so that the probability depends on where x
 * and y are and not on their distance alone: the p-stable theorem does not hold for that form.
 */

/** p(c) for Gaussian directions: 1 - 2 Phi(-w/c) - 2 c / (sqrt(2 pi) w) (1 - exp(-w^2 / 2 c^2)). */
export function gaussianCollision(distance: number, width: number): number {
  if (distance <= 0) return 1;
  const r = width / distance;
  return 1 - 2 * normalBelow(-r) - (2 / (Math.sqrt(2 * Math.PI) * r)) * (1 - Math.exp((-r * r) / 2));
}

/** p(c) for Cauchy directions: 2/pi atan(w/c) - c / (pi w) ln(1 + (w/c)^2). */
export function cauchyCollision(distance: number, width: number): number {
  if (distance <= 0) return 1;
  const r = width / distance;
  return (2 / Math.PI) * Math.atan(r) - Math.log1p(r * r) / (Math.PI * r);
}

/** 1 - angle / pi, the angle in radians. */
export function hyperplaneCollision(angle: number): number {
  return 1 - Math.min(Math.PI, Math.max(0, angle)) / Math.PI;
}

/** Phi: the normal distribution's share below x (Abramowitz, Stegun 26.2.17; error below 1e-7). */
export function normalBelow(x: number): number {
  if (x > 0) return 1 - normalBelow(-x);
  const t = 1 / (1 - 0.2316419 * x);
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * series;
}
