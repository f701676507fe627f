/**
 * Goes on with a value that is mostly there already: at once, without a turn of the event loop, unless it is a promise.
 */
export function after<T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Several such values: a promise only where one of them is. */
export function all<T>(values: readonly (T | Promise<T>)[]): T[] | Promise<T[]> {
  return areThere(values) ? values : Promise.all(values);
}

function areThere<T>(values: readonly (T | Promise<T>)[]): values is T[] {
  return values.every((value) => !(value instanceof Promise));
}
