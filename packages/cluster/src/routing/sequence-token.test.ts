import fc from "fast-check";
import { expect, test } from "vitest";
import { divisionOf, formatTokens, merged, parseTokens, seenBy } from "./sequence-token.js";

const shard = { nodes: ["a"] };
const routing = { shards: [0, 1].map((id) => ({ ...shard, id })) } as never;
const division = divisionOf(routing);

const positions = fc.array(
  fc.record({
    collection: fc.stringMatching(/^[0-9a-f]{16}$/),
    division: fc.stringMatching(/^[0-9a-f]{8}$/),
    shards: fc
      .uniqueArray(fc.tuple(fc.nat(1000), fc.maxSafeNat()), { selector: ([number]) => number })
      .map((places) => new Map(places)),
  }),
  { minLength: 1, maxLength: 4 },
);

test("a token says what it was made of", () => {
  fc.assert(
    fc.property(positions, (some) => {
      expect(parseTokens(formatTokens(some))).toEqual(merged(some));
    }),
  );
});

test("joined tokens have seen what each has", () => {
  const joined = `c~${division}:0=7.1=2,c~${division}:1=5, d~${division}:0=9`;
  const position = parseTokens(joined);
  expect(seenBy(position, { id: "c", routing }, 0)).toEqual({ minSequence: 7 });
  expect(seenBy(position, { id: "c", routing }, 1)).toEqual({ minSequence: 5 });
  expect(seenBy(position, { id: "e", routing }, 0)).toEqual({});
});

test("where points have changed their shards a token asks for everything, and where replicas moved for no more", () => {
  const position = parseTokens(`c~${division}:0=7`);
  const elsewhere = { shards: [0, 1].map((id) => ({ id, nodes: ["b"] })) } as never;
  expect(seenBy(position, { id: "c", routing: elsewhere }, 0)).toEqual({ minSequence: 7 });
  const resharded = { shards: [0, 1, 2].map((id) => ({ ...shard, id })) } as never;
  for (const number of [0, 2])
    expect(seenBy(position, { id: "c", routing: resharded }, number)).toEqual({ strong: true });
});

test.each(["", "c", "c~0:x=1", "c~g:0=1", "c~0:0=1;", "7", `c~0:${"0=1.".repeat(5000)}`])(
  "%j is refused",
  (text) => {
    expect(() => parseTokens(text)).toThrow(/minSequence/);
  },
);
