/** Runs in a thread of its own: loads a model, then embeds what it is sent, one message after the other. */

import { parentPort } from "#platform/machine.js";
import { loadModel, registerModel } from "../load.js";
import type { Model } from "../models/model.js";
import { type Answer, type EmbedMessage, type LoadMessage, plainError } from "./messages.js";

const parent = parentPort();
let model: Model<never> | undefined;

async function load({ id, entry, options }: LoadMessage): Promise<Answer> {
  if (entry) registerModel(id, entry);
  const onDownload = (done: number, total: number) => parent.post({ download: [done, total] });
  const loaded = await loadModel(id, { ...options, onDownload });
  model = loaded;
  return {
    loaded: {
      id: loaded.id,
      modality: loaded.modality,
      dimensions: loaded.dimensions,
      metric: loaded.metric,
    },
  };
}

async function embed({ items, kind }: EmbedMessage): Promise<Answer> {
  const { vectors, failures } = await (model as Model<never>).embed(items as never[], { kind });
  return { vectors, failures: failures.map(({ index, error }) => ({ index, error: plainError(error) })) };
}

parent.onMessage((message) => {
  const request = message as LoadMessage | EmbedMessage;
  ("items" in request ? embed(request) : load(request)).then(
    (answer) => parent.post(answer),
    (reason: unknown) => parent.post({ error: plainError(reason) }),
  );
});
