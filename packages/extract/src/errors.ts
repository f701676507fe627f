/** What can be wrong with a model or with one item of a batch. */

/** Codes of failures, each with what it means. */
export const extractErrors = {
  MODEL_NOT_FOUND: "No model of that name, or its file is nowhere.",
  MODEL_DAMAGED: "A model's file has other bytes than it should, or other inputs and outputs.",
  MODEL_STOPPED: "The threads that run a model have ended: it was closed, or one of them failed.",
  IMAGE_UNREADABLE: "The bytes are no image of a format that is read, or break off.",
  IMAGE_TOO_LARGE: "The image has more pixels than are allowed.",
  AUDIO_UNREADABLE: "The bytes are no sound of a format that is read, or break off.",
  AUDIO_EMPTY: "The sound has no samples.",
  INPUT_UNUSABLE: "An input is of another kind than the model takes, or not where it says that it is.",
  TEXT_EMPTY: "The text has no words.",
  REMOTE_FAILED: "A service that makes vectors did not answer as it should.",
} as const;

export type ExtractErrorCode = keyof typeof extractErrors;

export class ExtractError extends Error {
  override readonly name = "ExtractError";

  constructor(
    readonly code: ExtractErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Codes that blame the item, and not the model. */
const itemCodes: ReadonlySet<ExtractErrorCode> = new Set([
  "IMAGE_UNREADABLE",
  "IMAGE_TOO_LARGE",
  "AUDIO_UNREADABLE",
  "AUDIO_EMPTY",
  "INPUT_UNUSABLE",
  "TEXT_EMPTY",
]);

/** Whether the item is at fault: another model, or the same one later, would not do better. */
export function blamesItem(error: unknown): error is ExtractError {
  return error instanceof ExtractError && itemCodes.has(error.code);
}
