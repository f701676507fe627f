/**
 * Goes on with a value that is mostly there already: at once, without a turn of the event loop, unless it is a promise.
 */
export function after<T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
