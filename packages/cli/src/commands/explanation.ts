/** How a query was answered, in lines for people. */
import type { QueryExplanation, SegmentExplanation } from "vicinal/protocol";

export function explanationLines(explain: QueryExplanation): string[] {
  const { filter_us, search_us, merge_us, payload_us, total_us } = explain;
  return [
    ...explain.segments.map(segmentLine),
    `filter ${filter_us} us, search ${search_us} us, merge ${merge_us} us, payload ${payload_us} us, total ${total_us} us`,
  ];
}

function segmentLine(segment: SegmentExplanation): string {
  const { segment: number, vectors, matching, family, path, scored, visited } = segment;
  const way =
    path === "index" ? `${family} ${dialOf(segment)}` : path === "scan" ? "scan" : "nothing matches";
  const share = matching === vectors ? `${vectors} vectors` : `${matching} of ${vectors} vectors match`;
  return `segment ${number}: ${way}; ${share}; ${scored} scored, ${visited} visited`;
}

function dialOf({ dial, effort, effort_from, recall }: SegmentExplanation): string {
  const origin = effort_from === "recall" ? "from recall" : "as given";
  const measured = typeof recall === "number" ? `, measured recall ${recall.toFixed(3)}` : "";
  return `with ${dial ?? "effort"} ${effort} (${origin}${measured})`;
}
