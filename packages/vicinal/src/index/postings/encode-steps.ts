/** The last part of a build: every posting's members are written, then recall is measured. */
import type { Calibration } from "../contract.js";
import { geometricLadder, measureRecall } from "../measure.js";
import type { VectorStore } from "../vector-store.js";
import type { MeasureWork } from "../withheld.js";
import type { PostingsParameters } from "./defaults.js";
import { Heads, type HeadsHandle } from "./heads.js";
import type { PostingLayout, Slot } from "./posting-memory.js";
import { PostingsIndex } from "./postings-index.js";
import { NO_CLUSTER } from "./train-steps.js";

export interface EncodeJob {
  heads: HeadsHandle | Heads;
  layout: PostingLayout;
  parameters: PostingsParameters;
  slot: Slot;
  /** Address of the postings. */
  postings: number;
  /** count x replicas u32, as `boundPostings` left them. */
  chosen: number;
  measure: MeasureWork | undefined;
}

const STEP = 1024;

/** Yields vectors done; returns what was measured. */
export function* encodeSteps(store: VectorStore, job: EncodeJob): Generator<number, Calibration | undefined> {
  const { layout, parameters, postings } = job;
  const { replicas } = parameters;
  const written = new Uint32Array(layout.sizes.length);
  for (let i = 0; i < store.count; i++) {
    for (let j = 0; j < replicas; j++) {
      const { u8, u32 } = store.arena;
      const head = u32[(job.chosen >>> 2) + i * replicas + j];
      if (head === NO_CLUSTER) continue;
      const start = postings + layout.starts[head];
      const place = written[head]++;
      u32[(start >>> 2) + place] = i;
      writeMember(store, layout, i, start + layout.sizes[head] * 4 + place * layout.stride, u8);
    }
    if (i % STEP === STEP - 1) yield i + 1;
  }
  if (!job.measure) return undefined;
  const heads = job.heads instanceof Heads ? job.heads : Heads.attach(job.heads);
  const index = new PostingsIndex(store, { heads, layout, postings }, parameters, job.slot);
  // The heads were found without the withheld vectors; their copies in postings are kept from answering.
  const measuring = { masked: true, growing: true, ladder: () => geometricLadder(index.effort.max) };
  return yield* measureRecall(index, job.measure, measuring, store.count);
}

function writeMember(
  store: VectorStore,
  layout: PostingLayout,
  ordinal: number,
  target: number,
  u8: Uint8Array,
): void {
  const { dimensions, stride } = layout;
  const row = store.rows + ordinal * dimensions * 4;
  if (layout.encoding === "float32") u8.copyWithin(target, row, row + stride);
  else
    store.kernels.encodeRows(
      ...([row, dimensions, 0, 1, layout.mean, layout.padded] as const),
      ...([layout.metric === "Dot" ? 0 : 1, target, stride] as const),
    );
}
