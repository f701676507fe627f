/** A model without a model, and a source of as many items as one likes. */
import type { Embedder, SourceItem } from "./pipeline.js";

/** What the stub makes of a text: the same numbers each time. */
export function stubVector(text: string): number[] {
  let state = 7;
  for (let i = 0; i < text.length; i++) state = (Math.imul(state, 31) + text.charCodeAt(i)) | 0;
  return [state & 255, (state >> 8) & 255, (state >> 16) & 255, 1];
}

/** Fails for texts that begin with "bad". */
export function stubModel(onEmbed: (texts: readonly string[]) => void = () => {}): Embedder<string> {
  return {
    id: "stub-1",
    dimensions: 4,
    async embed(texts) {
      onEmbed(texts);
      const failures: { index: number; error: Error }[] = [];
      const vectors = texts.map((text, index) => {
        if (!text.startsWith("bad")) return Float32Array.from(stubVector(text));
        failures.push({ index, error: new Error(`${text} is no text`) });
        return undefined;
      });
      return { vectors, failures };
    },
  };
}

export function* textItems(count: number, version = "1"): Generator<SourceItem<string>> {
  for (let i = 0; i < count; i++)
    yield { key: `text/${i}`, version, load: async () => `text ${i} of ${version}`, payload: { number: i } };
}

/** Numbers in 0..1, the same each time. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
