/** One vector in the place of many examples, as Qdrant's `average_vector` makes it. */
import type { GivenVector } from "../prepare.js";
import { asGiven, type ExampleVector } from "./query-vectors.js";

type Sparse = { indices: ArrayLike<number>; values: ArrayLike<number> };

/**
 * The mean of the positive ones, moved away from the mean of the negative ones by the difference of the two. Of multi-vectors all
 * vectors together, those of the negative ones turned round.
 * @param positives How many of the examples are positive; these come first.
 */
export function averaged(examples: readonly ExampleVector[], positives: number): GivenVector {
  const given = examples.map((example) => givenBy(example));
  const [first] = given;
  if ("indices" in first) return averagedSparse(given as Sparse[], positives);
  if (typeof first[0] === "object")
    return (given as ArrayLike<number>[][]).flatMap((rows, i) =>
      i < positives ? rows : rows.map((row) => Float32Array.from(row, (value) => -value)),
    );
  return averagedDense(given as ArrayLike<number>[], positives);
}

function givenBy({ given }: ExampleVector): GivenVector {
  return "norm" in given || "terms" in given || "count" in given ? asGiven(given) : given;
}

function averagedDense(examples: readonly ArrayLike<number>[], positives: number): Float32Array {
  const towards = mean(examples.slice(0, positives));
  if (examples.length === positives) return towards;
  const away = mean(examples.slice(positives));
  return towards.map((value, i) => value + value - away[i]);
}

/** Of 32-bit floats, so that a point's id and its vector come to the same. */
function mean(examples: readonly ArrayLike<number>[]): Float32Array {
  const sum = new Float32Array(examples[0].length);
  for (const example of examples) for (let i = 0; i < sum.length; i++) sum[i] += Math.fround(example[i]);
  return sum.map((value) => value / examples.length);
}

function averagedSparse(examples: readonly Sparse[], positives: number): Sparse {
  const negatives = examples.length - positives;
  const sums = new Map<number, number>();
  examples.forEach(({ indices, values }, i) => {
    const towards = (negatives > 0 ? 2 : 1) / positives;
    const weight = i < positives ? towards : -1 / negatives;
    for (let j = 0; j < indices.length; j++)
      sums.set(indices[j], (sums.get(indices[j]) ?? 0) + weight * values[j]);
  });
  return { indices: [...sums.keys()], values: [...sums.values()] };
}
