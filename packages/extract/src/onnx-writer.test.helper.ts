/** ONNX models, written field by field as the protobuf definitions have it: enough for networks of convolutions. */

class Message {
  readonly #parts: Uint8Array[] = [];

  #varint(value: number): void {
    const bytes: number[] = [];
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
    bytes.push(rest);
    this.#parts.push(Uint8Array.from(bytes));
  }

  int(field: number, value: number): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  bytes(field: number, value: Uint8Array | string | Message): this {
    const bytes =
      value instanceof Message
        ? value.finish()
        : typeof value === "string"
          ? new TextEncoder().encode(value)
          : value;
    this.#varint(field * 8 + 2);
    this.#varint(bytes.length);
    this.#parts.push(bytes);
    return this;
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

type Size = number | string;

const FLOAT = 1;
const INT64 = 7;

function valueInfo(name: string, shape: readonly Size[], type = FLOAT): Message {
  const dims = new Message();
  for (const size of shape)
    dims.bytes(1, typeof size === "number" ? new Message().int(1, size) : new Message().bytes(2, size));
  const tensor = new Message().int(1, type).bytes(2, dims);
  return new Message().bytes(1, name).bytes(2, new Message().bytes(1, tensor));
}

function initializer(name: string, shape: readonly number[], data: Float32Array): Message {
  const tensor = new Message();
  for (const size of shape) tensor.int(1, size);
  return tensor
    .int(2, 1)
    .bytes(8, name)
    .bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function ints(name: string, values: readonly number[]): Message {
  const attribute = new Message().bytes(1, name);
  for (const value of values) attribute.int(8, value);
  return attribute.int(20, 7);
}

/** A network of single outputs; each method adds a node and answers the name of what it gives. */
export class Network {
  readonly #graph = new Message().bytes(2, "network");
  #count = 0;

  constructor(private readonly random: () => number) {}

  #node(type: string, inputs: readonly string[], attributes: readonly Message[] = [], name = ""): string {
    const output = name || `v${this.#count++}`;
    const node = new Message();
    for (const input of inputs) node.bytes(1, input);
    node.bytes(2, output).bytes(4, type);
    for (const attribute of attributes) node.bytes(5, attribute);
    this.#graph.bytes(1, node);
    return output;
  }

  #weights(shape: readonly number[], scale: number): string {
    const name = `w${this.#count++}`;
    const length = shape.reduce((product, size) => product * size, 1);
    const data = Float32Array.from({ length }, () => (this.random() - 0.5) * 2 * scale);
    this.#graph.bytes(5, initializer(name, shape, data));
    return name;
  }

  /** With a bias, which stands for a normalisation that was folded in. Keeps the variance of what goes in, at a gain of 1. */
  conv(input: string, channels: number, outputs: number, size: number, stride = 1, gain = 1): string {
    const scale = gain * Math.sqrt(6 / (channels * size * size));
    const weights = this.#weights([outputs, channels, size, size], scale);
    const pad = (size - 1) >> 1;
    return this.#node(
      "Conv",
      [input, weights, this.#weights([outputs], 0.1)],
      [
        ints("kernel_shape", [size, size]),
        ints("strides", [stride, stride]),
        ints("pads", [pad, pad, pad, pad]),
      ],
    );
  }

  relu(input: string, name?: string): string {
    return this.#node("Relu", [input], [], name);
  }

  add(a: string, b: string): string {
    return this.#node("Add", [a, b]);
  }

  maxPool(input: string): string {
    return this.#node(
      "MaxPool",
      [input],
      [ints("kernel_shape", [3, 3]), ints("strides", [2, 2]), ints("pads", [1, 1, 1, 1])],
    );
  }

  averagePool(input: string, name: string): string {
    return this.#node("GlobalAveragePool", [input], [], name);
  }

  /** The rows of a map as tokens: [batch, channels, height, width] to [batch, height, channels], each a mean. */
  tokens(input: string, name: string): string {
    const drop = new Message().bytes(1, "keepdims").int(3, 0).int(20, 2);
    const rows = this.#node("ReduceMean", [input], [ints("axes", [3]), drop]);
    return this.#node("Transpose", [rows], [ints("perm", [0, 2, 1])], name);
  }

  /** Ids [batch, tokens] to their weights [batch, tokens, size], of -1..1: the first numbers that `random` gives. */
  lookup(ids: string, count: number, size: number, name: string): string {
    return this.#node("Gather", [this.#weights([count, size], 1), ids], [], name);
  }

  /** Ids [batch, tokens] to the means of their weights [batch, size]. */
  embedding(ids: string, count: number, size: number, name: string): string {
    const found = this.#node("Gather", [this.#weights([count, size], 1), ids]);
    const drop = new Message().bytes(1, "keepdims").int(3, 0).int(20, 2);
    return this.#node("ReduceMean", [found], [ints("axes", [1]), drop], name);
  }

  finish(
    inputs: Record<string, readonly Size[]>,
    outputs: Record<string, readonly Size[]>,
    ids: Record<string, readonly Size[]> = {},
  ): Uint8Array {
    for (const [name, shape] of Object.entries(ids)) this.#graph.bytes(11, valueInfo(name, shape, INT64));
    for (const [name, shape] of Object.entries(inputs)) this.#graph.bytes(11, valueInfo(name, shape));
    for (const [name, shape] of Object.entries(outputs)) this.#graph.bytes(12, valueInfo(name, shape));
    return new Message().int(1, 8).bytes(7, this.#graph).bytes(8, new Message().int(2, 13)).finish();
  }
}

/** ResNet-50 (He et al. 2015) with random weights: stages of 3, 4, 6 and 3 bottlenecks, 2048 features. */
export function randomResNet50(random: () => number): Uint8Array {
  const network = new Network(random);
  let x = network.maxPool(network.relu(network.conv("pixel_values", 3, 64, 7, 2)));
  let channels = 64;
  [3, 4, 6, 3].forEach((blocks, stage) => {
    const width = 64 * 2 ** stage;
    for (let block = 0; block < blocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const inner = network.relu(network.conv(x, channels, width, 1));
      const middle = network.relu(network.conv(inner, width, width, 3, stride));
      const outer = network.conv(middle, width, 4 * width, 1, 1, 0.3);
      const shortcut = block === 0 ? network.conv(x, channels, 4 * width, 1, stride, 0.6) : x;
      const isLast = stage === 3 && block === blocks - 1;
      x = network.relu(network.add(outer, shortcut), isLast ? "last_hidden_state" : undefined);
      channels = 4 * width;
    }
  });
  network.averagePool(x, "pooler_output");
  return network.finish(
    { pixel_values: ["batch", 3, 224, 224] },
    { last_hidden_state: ["batch", 2048, 7, 7], pooler_output: ["batch", 2048, 1, 1] },
  );
}
