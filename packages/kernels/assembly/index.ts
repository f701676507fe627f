// Everything that the host calls. Rules of this module: no mutable global, no static data, no allocator; the host
// lays memory out and passes addresses, so that any number of instances can share one memory.

export { binaryEncode, binaryReorder, binaryScan } from "./binary";
export { encodeQuery, encodeRows, meanOf, scoreCodes } from "./codes";
export {
  graphBytes, graphEntry, graphTop, initGraph, initSlot, slotBytes, slotDistances, slotOrdinals, slotQuery, slotStats,
} from "./graph";
export { hnswInsert, hnswRepair, hnswSearch } from "./hnsw";
export { assignBytes, assignRows, moveCentroids, pickWeighted, seedDistances, sumRows } from "./kmeans";
export { countBits, finishBatch, scan, scanBatch, scanList, scoreList } from "./scan";
export {
  initIvf, initIvfSlot, ivfBytes, ivfEncode, ivfEncodeCentroids, ivfSearch, ivfSlotBytes, ivfStats,
} from "./ivf";
export {
  initLsh, initLshWork, lshAnswerBytes, lshBuckets, lshBytes, lshFill, lshFingerprints, lshIntegers, lshSearch,
  lshWorkBytes,
} from "./lsh";
export { initMih, initMihWork, mihBytes, mihFill, mihSearch, mihWorkBytes } from "./mih";
export { codebookDots, codebookEncode, codebookRound, codebookVector } from "./pq";
export { rabitqDecode, rabitqEncode, rabitqEstimate, rabitqQuery } from "./rabitq";
export { difference, rotate, rotateBack } from "./rotation";
