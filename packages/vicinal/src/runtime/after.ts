/**
 * Goes on with a value that is mostly there already: at once, without a turn of the event loop, unless it is a promise.
 */
export function after<T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Such a value for each item: a promise of all only where one of them is. What is under way when another throws may fail unheard. */
export function afterEach<T, R>(
  items: readonly T[],
  start: (item: T, i: number) => R | Promise<R>,
): R[] | Promise<R[]> {
  const started: (R | Promise<R>)[] = [];
  try {
    for (const item of items) started.push(start(item, started.length));
  } catch (error) {
    for (const value of started) if (value instanceof Promise) value.catch(() => {});
    throw error;
  }
  return areThere(started) ? started : Promise.all(started);
}

function areThere<T>(values: (T | Promise<T>)[]): values is T[] {
  return values.every((value) => !(value instanceof Promise));
}
