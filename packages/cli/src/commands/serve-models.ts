/** `vicinal serve --model`: models of the catalogue as hooks, in threads of their own. */
import type { Model } from "@vicinal/extract";
import type { Hooks } from "vicinal";
import { UserError } from "../errors.js";
import { extractPackage } from "./embed.js";

export interface ServedModels {
  hooks: Hooks;
  close(): Promise<void>;
}

/**
 * @param names of models, as requests will say them
 * @param hooks of the user's own, beside which they stand
 * @param files folder below which requests may name files; none by default
 */
export async function serveModels(
  names: readonly string[],
  hooks: Hooks = {},
  files?: string,
): Promise<ServedModels> {
  if (names.length === 0) return { hooks, close: async () => {} };
  const loaded: Model<never>[] = [];
  const close = async () => void (await Promise.all(loaded.map((model) => model.close())));
  const inference = { ...hooks.inference };
  try {
    for (const name of new Set(names)) {
      const { hookOf, loadModel } = await extractPackage();
      if (name in inference) throw new UserError(`--model ${name}: --hooks has a model of that name`);
      const model = await loadModel<never>(name, { workers: 1 });
      loaded.push(model);
      inference[name] = hookOf(model, { files });
    }
    return { hooks: { ...hooks, inference }, close };
  } catch (error) {
    await close();
    throw error;
  }
}
