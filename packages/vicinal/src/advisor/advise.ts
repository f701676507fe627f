/**
 * The advisor: which index for these vectors, these queries and these limits? It measures instead of guessing.
 *
 * A sample of the collection is split into vectors and queries that no index holds. Every candidate is built over a
 * quarter of the sample and over all of it; its dial is set so that it reaches the wanted recall, and at that dial
 * candidates are timed in turns. Two sizes give each candidate's own growth, by which costs are carried to the
 * collection's size (extrapolate.ts). Then the leader, and whoever takes its place, is built over all points where time
 * and memory allow, and what was measured replaces what was estimated.
 * Cost: one build of each candidate over 1.25 samples; bounded by the budget of time, and what was not tried is named.
 */
import { familyNamed } from "../index/families.js";
import type { VectorStore } from "../index/vector-store.js";
import { throwIfCancelled } from "../runtime/cancel.js";
import { VicinalError } from "../runtime/errors.js";
import { seededRandom } from "../runtime/random.js";
import { SEGMENT_BYTES, SEGMENT_ROWS } from "../segment/defaults.js";
import type { CollectionState } from "../segment/state.js";
import { candidatesFor, type Exclusion } from "./candidates.js";
import { chosen, markPareto, missesOf, reasons } from "./choose.js";
import type { Advice, AdviceRow, AdviseOptions, Candidate, Costs } from "./contract.js";
import { extrapolated } from "./extrapolate.js";
import { Ground } from "./ground.js";
import { checkedQuestion, type Question } from "./options.js";
import { Queries } from "./queries.js";
import { Run } from "./run.js";
import { countVectors, eachVector, sampleVectors } from "./sample.js";
import { type Outcome, type Trial, tryAll } from "./try-all.js";

/** Fewer vectors tell nothing about an index. */
const LEAST_VECTORS = 200;
const LEAST_QUERIES = 20;
/** The smaller of the two sizes: one in so many of the sample's vectors. */
const SMALLER = 4;
/** Leaders that are measured in full at most. */
const VERIFICATIONS = 3;
/** A leader is measured in full where its estimated build, so many times, fits the time that is left. */
const BUILD_ALLOWANCE = 2;

/** What all stages know. */
interface Plan {
  state: CollectionState;
  using: string;
  question: Question;
  queries: Queries;
  /** Live vectors of the collection, and how many to plan for. */
  total: number;
  points: number;
  /** Vectors that a segment holds. */
  segmentRows: number;
  run: Run;
}

/** @param given queries, of unit length where the metric is Cosine */
export async function advise(
  state: CollectionState,
  using: string,
  options: AdviseOptions,
  given: readonly Float32Array[] | undefined,
): Promise<Advice> {
  const started = performance.now();
  const { size: dimensions, distance: metric } = state.config.vectors[using];
  const question = checkedQuestion(options, dimensions);
  throwIfCancelled(question.signal);
  const { candidates, excluded } = candidatesFor(question, { dimensions, metric });
  const total = countVectors(state, using);
  checkCounts(total, given);

  const size = Math.min(question.sample, total);
  const random = seededRandom(question.seed);
  const sample = await sampleVectors(state, using, size, total, random, question.signal);
  const queries = given
    ? Queries.given(given, question.seed)
    : Queries.withheld(sample, dimensions, question.seed);
  const points = question.points ?? total;
  const segmentRows = Math.min(SEGMENT_ROWS, Math.floor(SEGMENT_BYTES / (dimensions * 4)));
  const verifies = question.verify && points === total && size < total && total <= segmentRows;
  const steps = (points > size ? 2 : 1) * (candidates.length + 1) + (verifies ? 2 : 0);
  const plan: Plan = {
    ...{ state, using, question, queries, total, points, segmentRows },
    run: new Run(question, steps),
  };

  const rows = await measured(plan, sample, candidates, excluded);
  if (verifies) await verify(plan, rows, excluded);
  judge(rows, question);
  const recommended = chosen(rows);
  for (const { name, misses } of rows)
    if (misses.length > 0) excluded.push({ name, reason: misses.join("; ") });
  const { recall, k, memoryBytes, latencyMs } = question;
  return {
    ...{ using, dimensions, metric, points, sampled: size },
    queries: { count: queries.vectors.length, source: queries.source },
    wanted: { recall, k, memoryBytes, latencyMs },
    rows,
    recommended,
    update: recommended && updateOf(using, recommended),
    why: reasons(rows, recommended, points),
    excluded,
    elapsedMs: performance.now() - started,
  };
}

function updateOf(using: string, { family, parameters }: AdviceRow): Advice["update"] {
  return { vectors: Object.fromEntries([[using, { index: { type: family, ...parameters } }]]) };
}

function checkCounts(total: number, given: readonly Float32Array[] | undefined): void {
  if (given && given.length < LEAST_QUERIES)
    throw new VicinalError("BAD_REQUEST", `queries must be ${LEAST_QUERIES} at least, not ${given.length}`, {
      field: "queries",
      allowed: `${LEAST_QUERIES} or more`,
    });
  if (total >= LEAST_VECTORS) return;
  throw new VicinalError(
    "BAD_REQUEST",
    `advise needs ${LEAST_VECTORS} vectors at least, the collection has ${total}`,
    { expected: LEAST_VECTORS, actual: total },
  );
}

/** Rows of the candidates that reached the recall on the sample; the others are excluded. */
async function measured(
  plan: Plan,
  sample: Float32Array,
  candidates: readonly Candidate[],
  excluded: Exclusion[],
): Promise<AdviceRow[]> {
  const { points, segmentRows } = plan;
  const count = sample.length / plan.state.config.vectors[plan.using].size;
  const whole = points <= count;
  const small = whole ? [] : await stage(plan, sample, SMALLER, candidates);
  const costOf = (candidate: Candidate) => trialOf(small, candidate)?.costs;
  // The most promising first: should time run out, they are known.
  const order = [...candidates].sort(
    (a, b) => (costOf(a)?.cpuUs ?? Number.POSITIVE_INFINITY) - (costOf(b)?.cpuUs ?? Number.POSITIVE_INFINITY),
  );
  const rows: AdviceRow[] = [];
  for (const outcome of await stage(plan, sample, 1, whole ? candidates : order)) {
    const { candidate } = outcome;
    if ("reason" in outcome) excluded.push({ name: candidate.name, reason: outcome.reason });
    else {
      const { costs } = outcome.trial;
      const full = whole
        ? scaled(costs, points)
        : extrapolated(costOf(candidate), costs, points, segmentRows);
      const row = rowOf(plan, candidate, outcome.trial, full);
      rows.push({ ...candidate, ...row, measured: costs, verified: whole });
    }
  }
  return rows;
}

/** All candidates over one in `step` of the sample's vectors, the queries left out. */
async function stage(
  plan: Plan,
  sample: Float32Array,
  step: number,
  candidates: readonly Candidate[],
): Promise<Outcome[]> {
  const { size: dimensions } = plan.state.config.vectors[plan.using];
  const count = sample.length / dimensions;
  plan.run.report("sample", Math.ceil(count / step));
  const ground = await lay(plan, Math.ceil(count / step), async (append) => {
    for (let i = 0; i < count; i += step) append(sample.subarray(i * dimensions, (i + 1) * dimensions));
  });
  try {
    return await tryAll(ground, candidates, plan.question, plan.run);
  } finally {
    ground.close();
  }
}

/** A ground without the queries. */
function lay(
  { state, using, queries, question }: Plan,
  capacity: number,
  fill: (append: (vector: Float32Array) => void) => Promise<void>,
): Promise<Ground> {
  const { size: dimensions, distance: metric } = state.config.vectors[using];
  const append = (store: VectorStore) =>
    fill((vector) => {
      if (store.count < capacity && !queries.has(vector)) store.append(vector);
    });
  return Ground.lay({ dimensions, metric, capacity }, queries, question, append);
}

/** Measures the leader over all points, and whoever leads then, until the leader is measured or time is short. */
async function verify(plan: Plan, rows: AdviceRow[], excluded: Exclusion[]): Promise<void> {
  const { run, state, using, total, question } = plan;
  let ground: Ground | undefined;
  try {
    for (let i = 0; i < VERIFICATIONS; i++) {
      judge(rows, question);
      const leader = chosen(rows);
      if (!leader || leader.verified) return;
      if (leader.full.buildSeconds * 1000 * BUILD_ALLOWANCE > run.leftMs) return;
      run.report("verify", total, leader.name);
      ground ??= await lay(plan, total, (append) => eachVector(state, using, append, question.signal));
      const [outcome] = await tryAll(ground, [leader], question, run);
      if ("trial" in outcome) {
        const full = scaled(outcome.trial.costs, total);
        Object.assign(leader, rowOf(plan, leader, outcome.trial, full), { verified: true });
      } else {
        rows.splice(rows.indexOf(leader), 1);
        excluded.push({ name: leader.name, reason: `over all points: ${outcome.reason}` });
      }
    }
  } finally {
    ground?.close();
  }
}

function rowOf(
  { state, using }: Plan,
  { family: name, parameters }: Candidate,
  { effort, recall, recallError }: Trial,
  full: Costs,
) {
  const { size } = state.config.vectors[using];
  const family = familyNamed(name);
  const inMemory = full.vectors * size * 4 + full.indexBytes;
  const bytes = Math.min(inMemory, family.disk?.memoryBytes(family.parameters(parameters)) ?? inMemory);
  return {
    ...{ effort, recall, recallError, full },
    bytesPerVector: Math.ceil(bytes / full.vectors),
    queriesPerSecond: 1e6 / full.cpuUs,
    onDisk: family.disk !== undefined,
    pareto: false,
    misses: [],
  };
}

/** Costs that were measured over all vectors but the queries, as those of all. */
function scaled(costs: Costs, points: number): Costs {
  return { ...costs, vectors: points, indexBytes: Math.round((costs.indexBytes * points) / costs.vectors) };
}

/** Marks what each row misses and which no other beats; fastest first. */
function judge(rows: AdviceRow[], question: Question): void {
  for (const row of rows) row.misses = missesOf(row, question);
  markPareto(rows);
  rows.sort((a, b) => a.full.cpuUs - b.full.cpuUs);
}

function trialOf(outcomes: readonly Outcome[], { name }: Candidate): Trial | undefined {
  const outcome = outcomes.find(({ candidate }) => candidate.name === name);
  return outcome && "trial" in outcome ? outcome.trial : undefined;
}
