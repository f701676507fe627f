/** Writes what an analysis found to the payloads of its points, as ordinary writes in batches. */
import { stringifyJson } from "../../payload/json.js";
import { throwIfCancelled } from "../../runtime/cancel.js";
import type { UpdateOperation } from "../schema/index.js";
import type { AnalysisOptions, Finding } from "./analysis.js";

/** Points that one operation writes the same value to, and operations of a batch. */
const IDS = 1000;
const OPERATIONS = 500;

/** Points that were deleted meanwhile are passed over. What was written before a cancellation stays. */
export async function writeFindings(
  findings: readonly Finding[],
  key: string,
  { signal, progress }: AnalysisOptions,
  write: (operations: UpdateOperation[]) => Promise<unknown>,
): Promise<void> {
  const operations = operationsFor(findings, key);
  for (let from = 0; from < operations.length; from += OPERATIONS) {
    throwIfCancelled(signal);
    progress?.("writing", from / operations.length);
    await write(operations.slice(from, from + OPERATIONS));
  }
}

function operationsFor(findings: readonly Finding[], key: string): UpdateOperation[] {
  const byValue = new Map<string, Finding[]>();
  for (const finding of findings) {
    const text = stringifyJson(finding.value);
    const same = byValue.get(text);
    if (same) same.push(finding);
    else byValue.set(text, [finding]);
  }
  const operations: UpdateOperation[] = [];
  for (const same of byValue.values())
    for (let from = 0; from < same.length; from += IDS) {
      const ids = same.slice(from, from + IDS).map(({ id }) => id);
      const filter = { must: [{ has_id: ids }] };
      operations.push({ set_payload: { payload: { [key]: same[0].value }, filter } } as UpdateOperation);
    }
  return operations;
}
