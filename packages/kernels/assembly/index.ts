// Everything that the host calls. Rules of this module: no mutable global, no static data, no allocator; the host
// lays memory out and passes addresses, so that any number of instances can share one memory.

export { encodeQuery, encodeRows, meanOf, scoreCodes } from "./codes";
export {
  graphBytes, graphEntry, graphTop, initGraph, initSlot, slotBytes, slotDistances, slotOrdinals, slotQuery, slotStats,
} from "./graph";
export {
  graphGiveBack, graphInsert, graphLink, graphLinkBack, graphPlace, graphRepair, graphSearch, graphTrim, nnFill, nnJoin,
} from "./graph-calls";
export { initNn, nnBytes, nnClear, nnSampleBytes, nnLinks, nnOffer, nnSample } from "./nn-descent";
export { assignBytes, assignRows, moveCentroids, pickWeighted, seedDistances, sumRows } from "./kmeans";
export { maxSim } from "./max-sim";
export { plainDecode, plainEncode, plainScores } from "./plain";
export { countBits, finishBatch, offerScores, scan, scanBatch, scanList, scoreList } from "./scan";
export { initIvf, initIvfSlot, ivfBytes, ivfSlotBytes, ivfStats } from "./ivf";
export { ivfEncode, ivfEncodeCentroids } from "./ivf-encode";
export { ivfSearch } from "./ivf-search";
export {
  codecBytes, codecDecode, codecEncode, codecEstimate, codecQuery, codecResiduals, initCodec,
} from "./codec";
export { codebookRound, codebookSnap, codebookSumBytes } from "./pq";
export { difference, rotate, rotateBack } from "./rotation";
export { roundTables, scanBlock, signTables } from "./fast-scan";
export { initTree, treeBytes, treeSearch, treeSlotBytes, treeSlotStats } from "./tree";
export { binaryEncode, binaryReorder, binaryScan, binaryScores } from "./binary";
export { initLsh, initLshWork, lshBytes, lshWorkBytes } from "./lsh";
export { lshFingerprints, lshIntegers } from "./lsh-hash";
export { lshAnswerBytes, lshSearch } from "./lsh-search";
export { lshBuckets, lshFill } from "./lsh-tables";
export { initMih, initMihWork, mihBytes, mihFill, mihSearch, mihWorkBytes } from "./mih";
export { initSparse, initSparseWork, sparseBytes, sparseSearch, sparseWorkBytes } from "./sparse";
export { postingCodes, postingHits, postingRows } from "./posting";
export {
  initQgraph, initQgraphSlot, qgraphBytes, qgraphDistances, qgraphOrdinals, qgraphSlotBytes, qgraphStats,
} from "./qgraph";
export { qgraphClear, qgraphLift, qgraphTurn } from "./qgraph-encode";
export { qgraphLink } from "./qgraph-link";
export { qgraphRepair } from "./qgraph-repair";
export { qgraphSearch } from "./qgraph-walk";
