/** Makes a codec from vectors: on a worker where learning takes long, so that the calling thread is not held up. */
import { type BatchCodec, type CodecOptions, loadCodec, makeCodec, type SavedCodec } from "../codec/index.js";
import { type KernelModule, loadKernels } from "../runtime/kernels.js";
import { canRunTasks, runTask } from "../runtime/pool.js";

/** Those that cluster what they learn from; the others take a mean, or a quantile. */
const SLOW: readonly string[] = ["pq", "opq"];
/** Numbers to learn from below which a worker takes longer to start. */
const LEAST_NUMBERS = 100_000;

interface Learning {
  options: CodecOptions;
  vectors: Float32Array;
}

/** BAD_REQUEST names an option that is out of range. */
export async function learnCodec(
  kernels: KernelModule,
  options: CodecOptions,
  vectors: Float32Array,
): Promise<BatchCodec> {
  if (!SLOW.includes(options.type) || vectors.length < LEAST_NUMBERS || !canRunTasks())
    return makeCodec(kernels, options, vectors);
  const learning: Learning = { options, vectors };
  return loadCodec(kernels, await runTask<SavedCodec>("codec-training", learning));
}

/** The worker's end. */
export async function run(input: unknown): Promise<SavedCodec> {
  const { options, vectors } = input as Learning;
  const codec = makeCodec(await loadKernels(), options, vectors);
  try {
    return codec.save();
  } finally {
    codec.close();
  }
}
