/** How well a model's idea of likeness agrees with people's: Pearson's correlation of cosines with their judgements. */
import type { SentencePair } from "@vicinal/example-data";
import type { Model } from "@vicinal/extract";

export interface Agreement {
  set: string;
  pairs: number;
  pearson: number;
}

export async function agreementWithPeople(
  model: Model<string>,
  pairs: readonly SentencePair[],
): Promise<Agreement[]> {
  const { vectors, failures } = await model.embed(pairs.flatMap(({ sentences }) => sentences));
  if (failures.length > 0) throw failures[0].error;
  const cosines = pairs.map((_, i) =>
    cosine(vectors[2 * i] as Float32Array, vectors[2 * i + 1] as Float32Array),
  );
  return [...new Set(pairs.map(({ set }) => set))].map((set) => {
    const own = pairs.flatMap((pair, i) =>
      pair.set === set ? [{ judged: pair.score, found: cosines[i] }] : [],
    );
    return {
      set,
      pairs: own.length,
      pearson: pearson(
        own.map(({ judged }) => judged),
        own.map(({ found }) => found),
      ),
    };
  });
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}

export function pearson(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
