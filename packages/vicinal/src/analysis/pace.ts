/** When long work breathes: after so many numbers passed over, a matter of milliseconds, whatever the shape of the loops. */
import type { Breath } from "./types.js";

/** Numbers that are passed over between two breaths. */
const SLICE_NUMBERS = 1 << 21;

export class Pace {
  private spent = 0;
  private from = 0;
  private to = 1;
  private reached = 0;

  constructor(private readonly breath: Breath) {}

  /** What follows is this part of the whole work. */
  part(from: number, to: number): void {
    this.from = from;
    this.to = to;
  }

  /** Rows of `numbers` numbers each that fit between two breaths, at least 1. */
  static rows(numbers: number): number {
    return Math.max(1, Math.floor(SLICE_NUMBERS / Math.max(1, numbers)));
  }

  /** So many numbers were passed over; `share` of the present part is done. Breathes where it is time. */
  async spend(numbers: number, share: number): Promise<void> {
    this.spent += numbers;
    if (this.spent < SLICE_NUMBERS) return;
    this.spent = 0;
    await this.now(share);
  }

  /** Breathes now; shares never fall. */
  async now(share: number): Promise<void> {
    const inside = this.from + (this.to - this.from) * Math.min(1, Math.max(0, share));
    this.reached = Math.max(this.reached, inside);
    await this.breath(this.reached);
  }
}
