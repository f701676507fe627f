import { expect, it } from "vitest";
import { seededRandom } from "../runtime/random.js";
import { GroupWords } from "./distinctive-words.js";

it("finds the words that were put into a group, and no others", () => {
  const random = seededRandom(4);
  const words = new GroupWords(3);
  const common = ["the", "of", "film", "story"];
  for (let i = 0; i < 600; i++) {
    const group = i % 3;
    const text = common.filter(() => random() < 0.8);
    // A third of a group's texts have its word, a few of the others too.
    if (random() < 0.35) text.push(`own${group}`);
    if (random() < 0.02) text.push(`own${(group + 1) % 3}`);
    text.push(`once${i}`);
    words.add(text, group);
  }
  expect(words.best(5)).toEqual([["own0"], ["own1"], ["own2"]]);
});

it("counts texts of no group against all groups, and each text once", () => {
  const words = new GroupWords(1);
  for (let i = 0; i < 100; i++) words.add(["a", "b", "b", "b"], 0);
  for (let i = 0; i < 100; i++) words.add(["a"], -1);
  expect(words.best(3)).toEqual([["b"]]);
});

it("is silent where there is nothing to say", () => {
  expect(new GroupWords(2).best(3)).toEqual([[], []]);
  const same = new GroupWords(2);
  for (let i = 0; i < 50; i++) same.add(["x", "y"], i % 2);
  expect(same.best(3)).toEqual([[], []]);
});
