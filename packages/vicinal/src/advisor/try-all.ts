/** Builds candidates over a ground, sets their dials and times them in turns. */
import type { VectorIndex } from "../index/contract.js";
import { throwIfCancelled } from "../runtime/cancel.js";
import { type ErrorCode, VicinalError } from "../runtime/errors.js";
import type { Candidate, Costs } from "./contract.js";
import { type Ground, MOST_SCANS } from "./ground.js";
import type { Question } from "./options.js";
import type { Run } from "./run.js";

/** A candidate that reached the wanted recall, or why there is nothing to say about it. */
export type Outcome = { candidate: Candidate } & ({ trial: Trial } | { reason: string });

export interface Trial {
  effort: number;
  recall: number;
  recallError: number;
  costs: Costs;
}

interface Tuned {
  index: VectorIndex;
  effort: number;
  recall: number;
  error: number;
  buildSeconds: number;
}

const LATE = "the time was over before it was measured";
/** What a candidate may answer to a build without being a bug. */
const refusals: readonly ErrorCode[] = ["BAD_REQUEST", "OUT_OF_RANGE", "UNSUPPORTED", "OUT_OF_MEMORY"];

/** A step of the run for each candidate, and one for timing them. */
export async function tryAll(
  ground: Ground,
  candidates: readonly Candidate[],
  question: Question,
  run: Run,
): Promise<Outcome[]> {
  const tuned: (Tuned | string)[] = [];
  for (const candidate of candidates) {
    tuned.push(await tryOne(ground, candidate, question, run));
    run.next();
  }
  const sound = tuned.filter((one) => typeof one !== "string");
  const times = await ground.time(
    sound,
    (share) => run.report("time", ground.count, undefined, share),
    question.signal,
  );
  run.next();
  return candidates.map((candidate, i): Outcome => {
    const one = tuned[i];
    if (typeof one === "string") return { candidate, reason: one };
    const { index, effort, recall, error, buildSeconds } = one;
    const indexBytes = index.memoryBytes();
    const costs = { vectors: ground.count, ...times[sound.indexOf(one)], indexBytes, buildSeconds };
    return { candidate, trial: { effort, recall, recallError: error, costs } };
  });
}

async function tryOne(
  ground: Ground,
  candidate: Candidate,
  question: Question,
  run: Run,
): Promise<Tuned | string> {
  const { signal } = question;
  const { count } = ground;
  throwIfCancelled(signal);
  if (run.leftMs <= 0) return LATE;
  try {
    run.report("build", count, candidate.name);
    const limit = run.limit();
    // Measuring takes the rest of the step, about as long as a quick build.
    const progress = (share: number) => run.report("build", count, candidate.name, share * 0.7);
    const built = await ground.build(candidate, question.seed, progress, limit);
    run.report("measure", count, candidate.name, 0.7);
    const tuned = await ground.tune(built.index, question.recall, limit);
    if ("effort" in tuned) return { ...built, ...tuned };
    built.index.release();
    return notReached(tuned.best, question.recall);
  } catch (error) {
    throwIfCancelled(signal);
    if (!(error instanceof VicinalError)) throw error;
    if (error.code === "CANCELLED") return LATE;
    if (refusals.includes(error.code)) return error.message;
    throw error;
  }
}

function notReached(best: number, wanted: number): string {
  return `recall ${best.toFixed(3)} is the most that it reached in the time of ${MOST_SCANS} scans; ${wanted} is wanted`;
}
