/**
 * The models that are known by name: what goes in, what comes out, where the file is had and under which licence.
 *
 * Digests and sizes are of files that were seen; other files are checked by their inputs, outputs and dimensions.
 */

export interface ImagePreparation {
  /** Pixels of the network's input. */
  width: number;
  height: number;
  fit: "cover" | "fill";
  /** Of `cover`: size of the shorter side before the middle is cut out. */
  shorter?: number;
  /** Per channel, on a scale of 0..1: what is subtracted, and what the rest is divided by. */
  mean: readonly [number, number, number];
  deviation: readonly [number, number, number];
}

export interface AudioPreparation {
  sampleRate: number;
  /** Samples of a window, and from the beginning of one to the next. */
  window: number;
  hop: number;
}

interface Common {
  /** Where the vector is: the name of an output, of shape [batch, dimensions]. */
  output: string;
  input: string;
  /** Of outputs [batch, tokens, dimensions]: the token that stands for all, or the mean. Default: there are no tokens. */
  tokens?: "first" | "mean";
  dimensions: number;
  /** By which metric vectors are compared; Cosine ones need not be normalised. */
  metric: "Cosine" | "Dot" | "Euclid";
  licence: string;
  file: ModelFile;
}

export interface ModelFile {
  /** In the folder of models. */
  path: string;
  /** Where it is downloaded from: a repository of huggingface.co and the file in it. */
  hub?: { repository: string; path: string };
  bytes?: number;
  /** In hexadecimal. */
  sha256?: string;
}

export type OnnxModel =
  | (Common & { modality: "image"; preparation: ImagePreparation })
  | (Common & { modality: "audio"; preparation: AudioPreparation });

/** Text models are run by the library @huggingface/transformers, which has their tokenizers. */
export interface TextModel {
  modality: "text";
  repository: string;
  dimensions: number;
  metric: "Cosine";
  licence: string;
  pooling: "mean" | "cls";
  /** What is put before a text: such models were trained with it. */
  prefixes?: { document: string; query: string };
}

const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] } as const;
const clip = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  deviation: [0.26862954, 0.26130258, 0.27577711],
} as const;
const square = { width: 224, height: 224, fit: "cover" } as const;

export const models = {
  "mobilenet-v2": {
    modality: "image",
    input: "pixel_values",
    output: "features",
    dimensions: 1280,
    metric: "Cosine",
    licence: "Apache-2.0",
    preparation: { ...square, mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] },
    file: { path: "mobilenet_v2/mobilenet_v2.onnx" },
  },
  "resnet-50": {
    modality: "image",
    input: "pixel_values",
    output: "pooler_output",
    dimensions: 2048,
    metric: "Cosine",
    licence: "Apache-2.0",
    preparation: { ...square, shorter: 256, ...imagenet },
    file: {
      path: "resnet_50/resnet_50.onnx",
      hub: { repository: "Xenova/resnet-50", path: "onnx/model.onnx" },
    },
  },
  "clip-vit-base-patch32": {
    modality: "image",
    input: "pixel_values",
    output: "image_embeds",
    dimensions: 512,
    metric: "Cosine",
    licence: "MIT",
    preparation: { ...square, ...clip },
    file: {
      path: "clip_vit_base_patch32/vision_model.onnx",
      hub: { repository: "Xenova/clip-vit-base-patch32", path: "onnx/vision_model.onnx" },
    },
  },
  "dinov2-small": {
    modality: "image",
    input: "pixel_values",
    output: "last_hidden_state",
    tokens: "first",
    dimensions: 384,
    metric: "Cosine",
    licence: "Apache-2.0",
    preparation: { ...square, shorter: 256, ...imagenet },
    file: {
      path: "dinov2_small/dinov2_small.onnx",
      hub: { repository: "Xenova/dinov2-small", path: "onnx/model.onnx" },
    },
  },
  yamnet: {
    modality: "audio",
    input: "waveform",
    output: "embedding",
    dimensions: 1024,
    metric: "Cosine",
    licence: "Apache-2.0",
    preparation: { sampleRate: 16_000, window: 15_600, hop: 7_680 },
    file: { path: "yamnet/yamnet.onnx" },
  },
} as const satisfies Record<string, OnnxModel>;

/** The other half of `clip-vit-base-patch32`: its vectors are compared with those of images. */
export const clipText = {
  modality: "text",
  output: "text_embeds",
  dimensions: 512,
  metric: "Cosine",
  licence: "MIT",
  file: {
    path: "clip_vit_base_patch32/text_model.onnx",
    hub: { repository: "Xenova/clip-vit-base-patch32", path: "onnx/text_model.onnx" },
  },
  tokenizer: {
    path: "clip_vit_base_patch32/tokenizer.json",
    hub: { repository: "Xenova/clip-vit-base-patch32", path: "tokenizer.json" },
  },
} as const;

export const textModels = {
  "all-minilm-l6-v2": {
    modality: "text",
    repository: "Xenova/all-MiniLM-L6-v2",
    dimensions: 384,
    metric: "Cosine",
    licence: "Apache-2.0",
    pooling: "mean",
  },
  "multilingual-e5-small": {
    modality: "text",
    repository: "Xenova/multilingual-e5-small",
    dimensions: 384,
    metric: "Cosine",
    licence: "MIT",
    pooling: "mean",
    prefixes: { document: "passage: ", query: "query: " },
  },
  "bge-small-en-v1.5": {
    modality: "text",
    repository: "Xenova/bge-small-en-v1.5",
    dimensions: 384,
    metric: "Cosine",
    licence: "MIT",
    pooling: "cls",
    prefixes: { document: "", query: "Represent this sentence for searching relevant passages: " },
  },
  "bge-small-zh-v1.5": {
    modality: "text",
    repository: "Xenova/bge-small-zh-v1.5",
    dimensions: 512,
    metric: "Cosine",
    licence: "MIT",
    pooling: "cls",
  },
} as const satisfies Record<string, TextModel>;
