/** Turns: the calls on one object, one after the other; none once it is closed. */
import { VicinalError } from "../runtime/errors.js";

export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Runs `act` once all earlier calls are done, however they ended. */
  run<T>(act: () => Promise<T>): Promise<T> {
    try {
      this.checkOpen();
    } catch (error) {
      return Promise.reject(error);
    }
    const turn = this.#last.then(act, act);
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** The last turn. */
  close(act: () => void): Promise<void> {
    if (this.#closed) return this.#last.then(() => {});
    const turn = this.run(async () => act());
    this.#closed = true;
    return turn;
  }

  checkOpen(): void {
    if (this.#closed) throw new VicinalError("CLOSED", "The index is closed");
  }
}
