/** What ends a program from outside, with the exit code that a shell gives for each: 128 + the signal's number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
/** The exit code of a program that wrote to a pipe whose reader is gone: that of SIGPIPE, which Node ignores. */
export const BROKEN_PIPE = 141;

/** What Ctrl-C does, until it is disposed. */
export interface Interrupt extends Disposable {
  /** For `fit`, which saves its checkpoint at the step that it has reached, and returns. */
  readonly signal: AbortSignal;
}

/**
 * Takes over Ctrl-C, SIGTERM, which job schedulers send, and SIGHUP, which comes when a connection is lost: the first
 * aborts the signal and sets the exit code that the program will end with; a second one ends the process at once, even
 * within a step. A reader of the output that goes away (`| head -1`) aborts too. Output that cannot be written for
 * another reason, a full disk say, is told once on stderr and makes the exit code 1, and the program goes on.
 *
 * tsx's own command (`npx tsx`) kills a program that does not answer a Ctrl-C within 60 ms, as one that computes does
 * not: `node --import tsx` lets it end in its own time.
 * @param onInterrupt tells the user what will happen
 */
export function catchInterrupt(onInterrupt: () => void): Interrupt {
  const controller = new AbortController();
  const release = () => {
    for (const [name, listener] of listeners) process.off(name, listener);
  };
  const interrupt = (code: number) => {
    if (controller.signal.aborted) return;
    release(); // a process without listeners is ended by the system, however busy it is
    process.exitCode = code;
    onInterrupt();
    controller.abort();
  };
  const listeners = Object.entries(EXIT_CODES).map(([name, code]) => [name, () => interrupt(code)] as const);
  for (const [name, listener] of listeners) process.on(name, listener);
  surviveOutput(() => interrupt(BROKEN_PIPE));
  return { signal: controller.signal, [Symbol.dispose]: release };
}

/**
 * Keeps output that cannot be written from ending the process, as an error of a stream that nobody listens to does. It is
 * told once on stderr, and makes the exit code 1. Errors come after the write: this listens to the end of the process.
 * @param onBrokenPipe is called instead where the reader is gone
 */
export function surviveOutput(onBrokenPipe: () => void): void {
  let isLost = false;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'EPIPE') {
        onBrokenPipe();
        return;
      }
      process.exitCode ||= 1;
      if (!isLost) console.error(`output cannot be written (${code}): what is printed from here on is lost`);
      isLost = true;
    });
  }
}
