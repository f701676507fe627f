import { ExtractError } from "../errors.js";
import type { Tensor } from "../session.js";

/**
 * The vectors of an output, one an item. What a network gives for places of its item (a map of features, tokens) is averaged over
 * the places: [batch, dimensions, height, width] as vision networks have it before pooling.
 *
 * @param tokens of outputs [batch, tokens, dimensions], as transformers have them: the first one, which stands for all, or the mean
 * @param lengths of each item, in tokens: what is behind fills up and does not count. Default: all count
 */
export function rowsOf(
  name: string,
  { data, shape }: Tensor,
  count: number,
  dimensions: number,
  tokens?: "first" | "mean",
  lengths?: readonly number[],
): Float32Array[] {
  if (tokens) return rowsOfTokens(name, { data, shape }, count, dimensions, tokens, lengths);
  const places = shape.slice(2).reduce((product, size) => product * size, 1);
  const numbers = numbersOf(name, { data, shape }, [count, dimensions, ...shape.slice(2)]);
  return Array.from({ length: count }, (_, i) => {
    if (places === 1) return numbers.slice(i * dimensions, (i + 1) * dimensions);
    return Float32Array.from({ length: dimensions }, (_, d) => {
      const at = (i * dimensions + d) * places;
      let sum = 0;
      for (let p = at; p < at + places; p++) sum += numbers[p];
      return sum / places;
    });
  });
}

function rowsOfTokens(
  name: string,
  output: Tensor,
  count: number,
  dimensions: number,
  tokens: "first" | "mean",
  lengths: readonly number[] | undefined,
): Float32Array[] {
  const length = output.shape[1];
  const numbers = numbersOf(name, output, [count, length, dimensions]);
  return Array.from({ length: count }, (_, i) => {
    const used = tokens === "first" ? 1 : (lengths?.[i] ?? length);
    return Float32Array.from({ length: dimensions }, (_, d) => {
      let sum = 0;
      for (let t = 0; t < used; t++) sum += numbers[(i * length + t) * dimensions + d];
      return sum / used;
    });
  });
}

/** @throws ExtractError MODEL_DAMAGED where the output has another shape than it should. */
function numbersOf(name: string, { data, shape }: Tensor, expected: readonly number[]): Float32Array {
  const size = expected.reduce((product, length) => product * length, 1);
  const fits = shape.length === expected.length && shape.every((length, i) => length === expected[i]);
  if (!fits || size === 0 || data.length !== size || !(data instanceof Float32Array))
    throw new ExtractError(
      "MODEL_DAMAGED",
      `${name} gives [${shape.join(", ")}] numbers, expected [${expected.join(", ")}]`,
    );
  return data;
}
