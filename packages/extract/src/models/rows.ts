import { ExtractError } from "../errors.js";
import type { Tensor } from "../session.js";

/**
 * The vectors of an output, one an item. What a network gives for places of its item (a map of features, tokens) is averaged over
 * the places: [batch, dimensions, height, width] as vision networks have it before pooling.
 */
export function rowsOf(
  name: string,
  { data, shape }: Tensor,
  count: number,
  dimensions: number,
): Float32Array[] {
  const places = shape.slice(2).reduce((product, size) => product * size, 1);
  const fits = shape[0] === count && shape[1] === dimensions && data.length === count * dimensions * places;
  if (!fits || !(data instanceof Float32Array))
    throw new ExtractError(
      "MODEL_DAMAGED",
      `${name} gives [${shape.join(", ")}] numbers, expected [${count}, ${dimensions}]`,
    );
  return Array.from({ length: count }, (_, i) => {
    if (places === 1) return data.slice(i * dimensions, (i + 1) * dimensions);
    return Float32Array.from({ length: dimensions }, (_, d) => {
      const at = (i * dimensions + d) * places;
      let sum = 0;
      for (let p = at; p < at + places; p++) sum += data[p];
      return sum / places;
    });
  });
}
