/**
 * Models as hooks of the database: points and queries may then carry an image, a sound or a text in a vector's place.
 *
 * Images and sounds are given as bytes in base64, or as a `data:` address with base64; as a `file:` address only where that is allowed.
 */
import type { InferenceFunction } from "vicinal";
import { fileBelow } from "#platform/machine.js";
import { blamesItem, ExtractError, type ExtractErrorCode } from "./errors.js";
import type { Model } from "./models/model.js";

export interface HookOptions {
  /** Folder below which inputs may name files, as `file:` addresses. Default: none may. */
  files?: string;
}

/** A hook for `open(path, { hooks: { inference: { "mobilenet-v2": hookOf(model) } } })`. */
export function hookOf(model: Model<never>, { files }: HookOptions = {}): InferenceFunction {
  return async (inputs, { kind, signal }) => {
    const items = await Promise.all(
      inputs.map(({ text, image, object }, index) => {
        const given = model.modality === "text" ? text : model.modality === "image" ? image : audioOf(object);
        if (typeof given !== "string")
          throw new RefusedInput(index, "INPUT_UNUSABLE", `${model.id} takes ${wanted[model.modality]}`);
        return model.modality === "text" ? given : bytesOf(given, index, files);
      }),
    );
    const { vectors, failures } = await model.embed(items as never[], { kind, signal });
    for (const { index, error } of failures)
      throw blamesItem(error) ? new RefusedInput(index, error.code, error.message, error) : error;
    return vectors as Float32Array[];
  };
}

/** What tells the database which input is at fault. */
class RefusedInput extends ExtractError {
  constructor(
    readonly input: number,
    code: ExtractErrorCode,
    message: string,
    cause?: unknown,
  ) {
    super(code, message, { cause });
  }
}

const wanted = {
  text: "`text`",
  image: "`image`, in base64",
  audio: "`object: { audio }`, a WAV file in base64",
};

/** The sound itself, or an object that says that it is one. */
function audioOf(object: unknown): unknown {
  return typeof object === "object" && object !== null ? (object as { audio?: unknown }).audio : object;
}

async function bytesOf(given: string, index: number, files: string | undefined): Promise<Uint8Array> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(given)?.[1].toLowerCase();
  if (scheme === "file" && files !== undefined) {
    const bytes = await fileBelow(files, given);
    if (!bytes)
      throw new RefusedInput(index, "INPUT_UNUSABLE", `${given} is no file below the folder that is allowed`);
    return bytes;
  }
  if (scheme !== undefined && scheme !== "data")
    throw new RefusedInput(
      index,
      "INPUT_UNUSABLE",
      `addresses of ${scheme}: are not read here, expected base64`,
    );
  try {
    const base64 = given.replace(/^data:[^,]*;base64,/, "");
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch (cause) {
    throw new RefusedInput(index, "INPUT_UNUSABLE", "no base64", cause);
  }
}
