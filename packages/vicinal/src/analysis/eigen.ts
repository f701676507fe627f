/**
 * Eigenvalues and eigenvectors of a small symmetric matrix.
 *
 * Method: Jacobi, "Über ein leichtes Verfahren, die in der Theorie der Säcularstörungen vorkommenden Gleichungen numerisch
 * aufzulösen" (1846), cyclic. Rotations in the plane of two axes bring one number beside the diagonal to 0, again and again,
 * until all are; the diagonal then holds the eigenvalues and the product of the rotations the vectors.
 * Cost: n^3 per sweep, some 6 to 10 sweeps; for n up to some tens.
 */

/** `matrix`: n * n, symmetric, is overwritten. Values fall; column c of `vectors` (n * n, by rows) belongs to value c. */
export function symmetricEigen(
  matrix: Float64Array,
  n: number,
): { values: Float64Array; vectors: Float64Array } {
  const turned = new Float64Array(n * n);
  for (let i = 0; i < n; i++) turned[i * n + i] = 1;
  for (let sweep = 0; sweep < 60; sweep++) {
    let beside = 0;
    let diagonal = 0;
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        if (i === j) diagonal += matrix[i * n + i] ** 2;
        else beside += matrix[i * n + j] ** 2;
      }
    if (beside <= 1e-30 * diagonal || beside === 0) break;
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) rotate(matrix, turned, n, p, q);
  }
  const order = Array.from({ length: n }, (_, i) => i);
  order.sort((a, b) => matrix[b * n + b] - matrix[a * n + a] || a - b);
  const values = Float64Array.from(order, (c) => matrix[c * n + c]);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => {
    for (let i = 0; i < n; i++) vectors[i * n + to] = turned[i * n + from];
  });
  return { values, vectors };
}

function rotate(matrix: Float64Array, turned: Float64Array, n: number, p: number, q: number): void {
  const beside = matrix[p * n + q];
  if (beside === 0) return;
  const theta = (matrix[q * n + q] - matrix[p * n + p]) / (2 * beside);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let i = 0; i < n; i++) turn(matrix, i * n + p, i * n + q, c, s);
  for (let i = 0; i < n; i++) turn(matrix, p * n + i, q * n + i, c, s);
  for (let i = 0; i < n; i++) turn(turned, i * n + p, i * n + q, c, s);
}

function turn(numbers: Float64Array, a: number, b: number, c: number, s: number): void {
  const x = numbers[a];
  const y = numbers[b];
  numbers[a] = c * x - s * y;
  numbers[b] = s * x + c * y;
}
