type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** The column itself when it holds `length` elements, else a copy with room for at least that many (doubling). */
export function grow<T extends Column>(column: T, length: number): T {
  if (column.length >= length) return column;
  const larger = new (column.constructor as new (n: number) => T)(Math.max(length, column.length * 2, 16));
  larger.set(column);
  return larger;
}
