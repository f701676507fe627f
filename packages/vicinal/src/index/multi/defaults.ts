/**
 * Parameters of the first stage of multi-vectors, each with its reason. Measured on 3,000 documents of 20 to 50 vectors of 64 numbers,
 * queries of 16: how many of the 10 nearest by MaxSim are among the first 100 (and 200) by encodings.
 *
 *   repetitions x 2^bits x projection    numbers    of 100    of 200
 *   10 x  8 x  8                             640     0.733     0.842
 *   20 x  8 x  8                           1,280     0.843     0.922
 *   20 x 16 x  8                           2,560     0.868     0.937
 *   20 x  8 x 16                           2,560     0.878     0.955
 *   40 x  8 x  8                           2,560     0.918     0.965
 *   40 x 16 x  8                           5,120     0.942     0.982
 */
import type { EncoderParameters } from "./fixed-encoder.js";

/** Of equal length many repetitions beat many cells; twice as long would cost a graph twice as much for a fifth fewer candidates. */
export const ENCODER: EncoderParameters = { repetitions: 40, bits: 3, projection: 8, seed: 42 };

/**
 * Fewer documents are scanned. At 6,000 (of 35 vectors of 64 numbers, queries of 16) a search in two stages with recall 0.98 takes 4 ms, a
 * scan 11 ms; at half as many they take about the same, and building costs some milliseconds for each document.
 */
export const LEAST_DOCUMENTS = 5000;
