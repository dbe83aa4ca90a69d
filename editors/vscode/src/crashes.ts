// How often the server has died, and when that is enough.

/** Crashes within the window after which nothing is started by itself any more. */
export const CRASHES_MAX = 5;
export const WINDOW_MS = 3 * 60 * 1000;

export class Crashes {
  private times: number[] = [];

  /** Whether the server may be started again after it died at `now` (ms). */
  restartsAfter(now: number): boolean {
    this.times = [...this.times, now].filter((time) => now - time < WINDOW_MS);
    return this.times.length < CRASHES_MAX;
  }

  forget(): void {
    this.times = [];
  }
}
