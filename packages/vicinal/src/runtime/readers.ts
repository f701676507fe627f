/** Readers: who reads over several turns what somebody else wants to take away, which waits until they are done. */
export class Readers {
  readonly #reading = new Set<Promise<void>>();

  /** Begins reading; call the result once when done. */
  enter(): () => void {
    let leave = () => {};
    const reading = new Promise<void>((resolve) => {
      leave = () => {
        this.#reading.delete(reading);
        resolve();
      };
    });
    this.#reading.add(reading);
    return leave;
  }

  get idle(): boolean {
    return this.#reading.size === 0;
  }

  /** Resolves when all who read now are done; those who come later are not waited for. */
  async left(): Promise<void> {
    await Promise.all(this.#reading);
  }

  /** Resolves when nobody reads any more: for what no newcomer can find. */
  async drained(): Promise<void> {
    while (!this.idle) await this.left();
  }
}
