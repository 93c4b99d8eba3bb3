import { visible } from '../printable.ts';

/** Where progress goes; `process.stdout` is one. */
export interface ProgressStream {
  /** Whether it is a terminal. Default false. */
  readonly isTTY?: boolean;
  /** The width of the terminal, in characters. Default 80. */
  readonly columns?: number;
  /** Takes text. */
  write(text: string): unknown;
}

/** In a terminal one line that is drawn over; elsewhere a plain line now and then. */
export class ProgressBar {
  readonly #stream: ProgressStream;
  readonly #interval: number;
  #last = 0;

  /** @param stream default `process.stdout` */
  constructor(stream: ProgressStream = process.stdout) {
    this.#stream = stream;
    this.#interval = stream.isTTY ? 100 : 10_000;
    this.#last = stream.isTTY ? 0 : performance.now();
  }

  /** Shows how far a task is: `part` goes from 0 to 1. */
  update(title: string, part: number, text: string): void {
    if (performance.now() - this.#last < this.#interval) return;
    this.#last = performance.now();
    const percent = `${Math.floor(100 * part)} %`.padStart(5);
    if (this.#stream.isTTY) {
      const columns = this.#stream.columns || 80;
      const room = columns - title.length - percent.length - text.length - 5;
      const width = Math.min(24, Math.max(8, room));
      const bar = '█'.repeat(Math.round(width * part)).padEnd(width, '░');
      // A line that wraps could not be drawn over: what does not fit is cut off.
      this.#stream.write(`\r\x1b[2K${visible(`${title} ${bar} ${percent}  ${text}`).slice(0, columns - 1)}`);
    } else this.#stream.write(`${visible(`${title} ${percent}  ${text}`).trimEnd()}\n`);
  }

  /** Prints a line of its own, or several; the bar goes on below. What would act on a terminal is shown escaped. */
  print(line: string): void {
    this.#stream.write(`${this.#stream.isTTY ? '\r\x1b[2K' : ''}${visible(line)}\n`);
  }
}

/** Seconds as 0:07, 12:34 or 1:02:03. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  const two = (n: number) => String(n).padStart(2, '0');
  const tail = two(whole % 60);
  return minutes < 60 ? `${minutes}:${tail}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${tail}`;
}
