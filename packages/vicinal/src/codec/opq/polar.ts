/**
 * The orthogonal matrix nearest to a given one: the factor U of its polar decomposition A = U H.
 *
 * Higham, "Computing the polar decomposition - with applications" (1986): X <- (g X + X^-T / g) / 2 with the scale g from
 * the norms of X and its inverse; it converges quadratically, in about ten steps.
 */

const MOST_STEPS = 40;
const ENOUGH = 1e-12;
/** Added to the diagonal, as a share of its size: directions that the data lacks stay as they are. */
const RIDGE = 1e-9;

/** `a`: size x size, row by row. */
export function orthogonalFactor(a: Float64Array, size: number): Float64Array {
  let x = a.slice();
  const norm = frobenius(x) || 1;
  for (let i = 0; i < size; i++) x[i * size + i] += norm * RIDGE;
  for (let step = 0; step < MOST_STEPS; step++) {
    const inverse = invert(x, size);
    if (!inverse) return identity(size);
    const g = Math.sqrt(frobenius(inverse) / frobenius(x));
    const next = new Float64Array(size * size);
    let change = 0;
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const value = 0.5 * (g * x[i * size + j] + inverse[j * size + i] / g);
        change += (value - x[i * size + j]) ** 2;
        next[i * size + j] = value;
      }
    }
    x = next;
    if (change <= ENOUGH * size) break;
  }
  return x;
}

function frobenius(a: Float64Array): number {
  let sum = 0;
  for (const value of a) sum += value * value;
  return Math.sqrt(sum);
}

function identity(size: number): Float64Array {
  const result = new Float64Array(size * size);
  for (let i = 0; i < size; i++) result[i * size + i] = 1;
  return result;
}

/** Gauss-Jordan elimination with row pivots; undefined for a singular matrix. */
function invert(source: Float64Array, size: number): Float64Array | undefined {
  const a = source.slice();
  const inverse = identity(size);
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column + 1; row < size; row++)
      if (Math.abs(a[row * size + column]) > Math.abs(a[pivot * size + column])) pivot = row;
    const value = a[pivot * size + column];
    if (value === 0 || !Number.isFinite(value)) return undefined;
    for (const matrix of [a, inverse]) {
      swapRows(matrix, size, pivot, column);
      for (let j = 0; j < size; j++) matrix[column * size + j] /= value;
    }
    for (let row = 0; row < size; row++) {
      const factor = a[row * size + column];
      if (row === column || factor === 0) continue;
      for (let j = 0; j < size; j++) {
        a[row * size + j] -= factor * a[column * size + j];
        inverse[row * size + j] -= factor * inverse[column * size + j];
      }
    }
  }
  return inverse;
}

function swapRows(matrix: Float64Array, size: number, a: number, b: number): void {
  if (a === b) return;
  const row = matrix.slice(a * size, (a + 1) * size);
  matrix.copyWithin(a * size, b * size, (b + 1) * size);
  matrix.set(row, b * size);
}
