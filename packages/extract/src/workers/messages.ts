/** What a model's thread and its caller tell each other. */
import { ExtractError, type ExtractErrorCode, extractErrors } from "../errors.js";
import type { LoadOptions } from "../load.js";
import type { OnnxModel } from "../models/catalogue.js";
import type { Model } from "../models/model.js";

export interface LoadMessage {
  id: string;
  /** Of a model that the caller has registered. */
  entry?: OnnxModel;
  options: Omit<LoadOptions, "onDownload" | "signal" | "workers">;
}

export interface EmbedMessage {
  items: readonly unknown[];
  kind?: "document" | "query";
}

export type ModelTraits = Pick<Model<never>, "id" | "modality" | "dimensions" | "metric">;

export type Answer =
  | { loaded: ModelTraits }
  | { download: [done: number, total: number] }
  | {
      vectors: (Float32Array | undefined)[];
      failures: { index: number; error: PlainError }[];
    }
  | { error: PlainError };

/** An error as it goes from one thread to another. */
export interface PlainError {
  code?: string;
  message: string;
}

export function plainError(reason: unknown): PlainError {
  if (reason instanceof ExtractError) return { code: reason.code, message: reason.message };
  return { message: reason instanceof Error ? reason.message : String(reason) };
}

export function errorOf({ code, message }: PlainError): Error {
  if (code !== undefined && code in extractErrors) return new ExtractError(code as ExtractErrorCode, message);
  return new Error(message);
}
