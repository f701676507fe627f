/**
 * Models as hooks of the database: points and queries may then carry an image, a sound or a text in a vector's place.
 *
 * Images and sounds are given as bytes in base64, or as a `data:` address with base64.
 */
import type { InferenceFunction } from "vicinal";
import type { Model } from "./models/model.js";

/** A hook for `open(path, { hooks: { inference: { "mobilenet-v2": hookOf(model) } } })`. */
export function hookOf(model: Model<never>): InferenceFunction {
  return async (inputs, { kind, signal }) => {
    const items = inputs.map(({ text, image, object }) => {
      if (model.modality === "text") return text;
      return bytesOf(model.modality === "image" ? image : object);
    });
    const missing = items.indexOf(undefined);
    if (missing >= 0) throw new Error(`input ${missing}: ${model.id} takes ${wanted[model.modality]}`);
    const { vectors, failures } = await model.embed(items as never[], { kind, signal });
    if (failures.length > 0) throw failures[0].error;
    return vectors as Float32Array[];
  };
}

const wanted = {
  text: "a text",
  image: "an image, as base64",
  audio: "a sound as an object, as base64 of a WAV file",
};

function bytesOf(given: unknown): Uint8Array | undefined {
  if (typeof given !== "string") return undefined;
  const base64 = given.replace(/^data:[^,]*;base64,/, "");
  const text = atob(base64);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
