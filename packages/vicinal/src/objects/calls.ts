/** Calls on one object: one after the other, in the order in which they were made; none once it is closed. */
import { VicinalError } from "../runtime/errors.js";
import { Turns } from "../runtime/turns.js";

export class Calls {
  readonly #turns = new Turns(1);
  #closed = false;

  /** Runs `act` once all earlier calls are done, however they ended. */
  async run<T>(act: () => Promise<T>): Promise<T> {
    this.checkOpen();
    return this.#turns.run(act);
  }

  /** The last call; closing again waits for it. */
  close(act: () => void): Promise<void> {
    const closed = this.#closed;
    this.#closed = true;
    return this.#turns.run(async () => {
      if (!closed) act();
    });
  }

  checkOpen(): void {
    if (this.#closed) throw new VicinalError("CLOSED", "The index is closed");
  }
}
