/** A model in threads of its own, so that the caller's stays free: each holds the whole way from an item to its vector. */

import { placeOf, startThread, type Thread } from "#platform/machine.js";
import { ExtractError } from "../errors.js";
import type { LoadOptions } from "../load.js";
import type { OnnxModel } from "../models/catalogue.js";
import type { EmbedOptions, Model } from "../models/model.js";
import { type Answer, type EmbedMessage, errorOf, type LoadMessage, type ModelTraits } from "./messages.js";

/** Items that a thread gets at a time: what is cancelled is done no longer than these take. */
const PART = 8;

export async function threadedModel<Item>(
  id: string,
  entry: OnnxModel | undefined,
  { onDownload, signal, workers = 1, threads = 1, ...options }: LoadOptions,
): Promise<Model<Item>> {
  if (!Number.isSafeInteger(workers) || workers < 1 || workers > 64)
    throw new RangeError(`workers: expected an integer from 0 to 64, got ${workers}`);
  signal?.throwIfAborted();
  const { folder, wasm } = options;
  const places = { folder: placeOf(folder, "models/"), wasm: wasm && placeOf(wasm) };
  const message: LoadMessage = {
    id,
    ...(entry ? { entry } : {}),
    options: { ...options, ...places, threads },
  };
  const members: Member[] = [];
  const end = () => Promise.all(members.map((member) => member.end()));
  const load = async (): Promise<ModelTraits> => {
    const member = new Member(id, onDownload);
    members.push(member);
    const answer = await member.ask(message);
    return (answer as { loaded: ModelTraits }).loaded;
  };
  signal?.addEventListener("abort", end, { once: true });
  try {
    // What has to be downloaded is downloaded by the first.
    const traits = await load();
    await Promise.all(Array.from({ length: workers - 1 }, load));
    return modelOf(traits, members, end);
  } catch (error) {
    await end();
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", end);
  }
}

function modelOf<Item>(
  traits: ModelTraits,
  members: readonly Member[],
  end: () => Promise<unknown>,
): Model<Item> {
  return {
    ...traits,
    async embed(items: readonly Item[], { signal, onProgress, kind }: EmbedOptions = {}) {
      signal?.throwIfAborted();
      const vectors: (Float32Array | undefined)[] = new Array(items.length).fill(undefined);
      const failures: { index: number; error: Error }[] = [];
      let next = 0;
      let done = 0;
      const work = async (member: Member): Promise<void> => {
        while (next < items.length) {
          signal?.throwIfAborted();
          const from = next;
          next = Math.min(items.length, from + PART);
          const answer = await member.ask({ items: items.slice(from, next), kind });
          const made = answer as Extract<Answer, { vectors: unknown }>;
          for (const [i, vector] of made.vectors.entries()) vectors[from + i] = vector;
          for (const { index, error } of made.failures)
            failures.push({ index: from + index, error: errorOf(error) });
          done += made.vectors.length;
          onProgress?.(done, items.length);
        }
      };
      const all = Promise.all(members.map(work)).catch((error: unknown) => {
        next = items.length;
        throw error;
      });
      await untilAborted(all, signal);
      return { vectors, failures: failures.sort((a, b) => a.index - b.index) };
    },
    close: async () => void (await end()),
  };
}

/** Rejects at once when the signal is aborted; what is at work then ends by itself. */
async function untilAborted(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return void (await work);
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop);
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** A thread, asked one thing at a time. */
class Member {
  readonly #thread: Thread;
  readonly #id: string;
  #ended: string | undefined;
  #settle: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(id: string, onDownload: LoadOptions["onDownload"]) {
    this.#id = id;
    this.#thread = startThread();
    this.#thread.onMessage((message) => {
      const answer = message as Answer;
      if ("download" in answer) onDownload?.(...answer.download);
      else if ("error" in answer) this.#settle?.reject(errorOf(answer.error));
      else this.#settle?.resolve(answer);
    });
    this.#thread.onEnd((why) => this.#end(why));
  }

  ask(message: LoadMessage | EmbedMessage): Promise<Answer> {
    const answer = this.#last.then(() => this.#send(message));
    this.#last = answer.catch(() => {});
    return answer;
  }

  async end(): Promise<void> {
    this.#end("closed");
    await this.#thread.end();
  }

  async #send(message: unknown): Promise<Answer> {
    if (this.#ended !== undefined) throw this.#stopped();
    this.#thread.hold(true);
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#settle = { resolve, reject };
        this.#thread.post(message);
      });
    } finally {
      this.#settle = undefined;
      this.#thread.hold(false);
    }
  }

  #end(why: string): void {
    this.#ended ??= why;
    this.#settle?.reject(this.#stopped());
  }

  #stopped(): ExtractError {
    return new ExtractError("MODEL_STOPPED", `${this.#id} runs no more: ${this.#ended}`);
  }
}
