/**
 * How much a collection may be asked per minute: a bucket of tokens that fills steadily up to a minute's worth, so that a
 * burst may spend what was saved.
 */
import { VicinalError } from "../../runtime/errors.js";

const MINUTE_MS = 60_000;

export class TokenBucket {
  #tokens: number;
  #filledMs: number;

  /**
   * @param kind What the messages call it.
   * @param now Milliseconds of a clock that never goes back.
   */
  constructor(
    private readonly kind: "Read" | "Write",
    private readonly perMinute: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#tokens = perMinute;
    this.#filledMs = now();
  }

  /** @throws RATE_LIMITED, with `retryAfterMs` unless no wait would do; nothing is taken then. */
  take(tokens: number): void {
    const { kind, perMinute } = this;
    if (tokens > perMinute)
      throw rateLimited(
        `${kind} rate limit exceeded, request larger than rate limiter capacity, please try to split your request`,
      );
    const nowMs = this.now();
    const filled = ((nowMs - this.#filledMs) / MINUTE_MS) * perMinute;
    this.#tokens = Math.min(perMinute, this.#tokens + filled);
    this.#filledMs = nowMs;
    if (this.#tokens < tokens) {
      const retryAfterMs = ((tokens - this.#tokens) / perMinute) * MINUTE_MS;
      const has = this.#tokens.toFixed(1);
      const seconds = Math.ceil(retryAfterMs / 1000);
      throw rateLimited(
        `${kind} rate limit exceeded: Operation requires ${tokens} tokens but only ${has} were available. Retry after ${seconds}s`,
        { retryAfterMs },
      );
    }
    this.#tokens -= tokens;
  }
}

function rateLimited(why: string, details = {}): VicinalError {
  return new VicinalError("RATE_LIMITED", `Rate limiting exceeded: ${why}`, details);
}
