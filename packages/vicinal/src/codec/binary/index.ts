/** Binary codes: one bit per plane. */
export {
  type BinaryCodec,
  binaryStride,
  encodeBinary,
  type FloatRows,
  planeBytes,
  thresholdBytes,
  trainBinary,
} from "./binary-codec.js";
export { DirectionCodec, type DirectionOptions, loadDirectionCodec } from "./direction-codec.js";
