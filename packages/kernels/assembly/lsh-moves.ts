// The moves of a query in one table: which function's integer could be another, how likely, and what that adds to the sum
// (Lv et al. 2007). A move is [ score f32 ][ difference u32 ][ function u32 ][ rivals u32 ]; the list rises by score.

import { HashKind, Lsh, MOVE_BYTES, MOVES } from "./lsh";
import { axesOf, integerOf } from "./lsh-hash";

/** Puts a move into a table's list, which rises by score and holds MOVES at most; returns its new length. */
function addMove(moves: usize, length: u32, score: f32, difference: u32, owner: u32): u32 {
  if (length == MOVES && score >= load<f32>(moves + <usize>(MOVES - 1) * MOVE_BYTES)) return length;
  let at = length == MOVES ? MOVES - 1 : length;
  for (; at > 0; at--) {
    const before = moves + <usize>(at - 1) * MOVE_BYTES;
    if (load<f32>(before) <= score) break;
    v128.store(before + MOVE_BYTES, v128.load(before));
  }
  const place = moves + <usize>at * MOVE_BYTES;
  store<f32>(place, score);
  store<u32>(place, difference, 4);
  store<u32>(place, owner, 8);
  return min(MOVES, length + 1);
}

/** Lists a table's moves for the query whose values are there, each with a mask of its rivals. */
export function listMoves(l: Lsh, table: u32, values: usize, moves: usize): u32 {
  const multipliers = l.multipliers + (<usize>(table * l.functions) << 2);
  let length: u32 = 0;
  for (let j: u32 = 0; j < l.functions; j++) {
    const multiplier = load<u32>(multipliers + (<usize>j << 2));
    const h = integerOf(l, j, values);
    if (l.kind == HashKind.CrossPolytope) {
      const v = values + <usize>j * (<usize>l.padded << 2);
      const largest = abs(load<f32>(v + (<usize>(h >> 1) << 2)));
      for (let i: u32 = 0; i < axesOf(l, j); i++) {
        if (i == <u32>(h >> 1)) continue;
        const value = load<f32>(v + (<usize>i << 2));
        const gap = largest - abs(value);
        const next = 2 * i + (value < 0 ? 1 : 0);
        length = addMove(moves, length, gap * gap, multiplier * (next - <u32>h), j);
      }
      continue;
    }
    const value = load<f32>(values + (<usize>j << 2));
    if (l.kind == HashKind.Hyperplane) {
      length = addMove(moves, length, value * value, h ? -multiplier : multiplier, j);
      continue;
    }
    const below = value - floor(value);
    length = addMove(moves, length, below * below, -multiplier, j);
    length = addMove(moves, length, (1 - below) * (1 - below), multiplier, j);
  }
  // Moves of one function exclude each other.
  for (let i: u32 = 0; i < length; i++) {
    const move = moves + <usize>i * MOVE_BYTES;
    let rivals: u32 = 0;
    for (let j: u32 = 0; j < length; j++) {
      const same = load<u32>(moves + <usize>j * MOVE_BYTES, 8) == load<u32>(move, 8);
      if (same && j != i) rivals |= 1 << j;
    }
    store<u32>(move, rivals, 12);
  }
  return length;
}

/** The score of a move of a list. */
// @ts-ignore: decorator
@inline
export function scoreAt(moves: usize, move: u32): f32 {
  return load<f32>(moves + <usize>move * MOVE_BYTES);
}
