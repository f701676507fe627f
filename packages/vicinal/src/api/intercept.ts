/** An engine around each of whose operations something is done. */
import type { RequestScope, ScopedEngine } from "./engine-api.js";

type Method = (...values: unknown[]) => unknown;

/** Runs an operation, or answers in its place. */
export type Around = (run: () => Promise<unknown>) => Promise<unknown>;

/** @param close What closing comes to. */
export function intercepted<E extends ScopedEngine>(
  engine: E,
  around: Around,
  close: () => Promise<void>,
): E {
  const methods = new Map<string | symbol, Method>();
  const made = (name: string | symbol, method: Method): Method => {
    if (name === "close") return close;
    if (name === "forRequest")
      return (scope) => intercepted(engine.forRequest(scope as RequestScope) as ScopedEngine, around, close);
    return (...values) => around(() => method.apply(engine, values) as Promise<unknown>);
  };
  return new Proxy(engine, {
    get(_target, name) {
      const known = methods.get(name);
      if (known) return known;
      const member: unknown = Reflect.get(engine, name, engine);
      if (typeof member !== "function") return member;
      const method = made(name, member as Method);
      methods.set(name, method);
      return method;
    },
  });
}
