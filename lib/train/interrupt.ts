/** Signals that end a program, with the exit code that a shell gives for each: 128 + the signal's number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** What Ctrl-C does, until it is disposed. */
export interface Interrupt extends Disposable {
  /** For `fit`, which saves its checkpoint at the step that it has reached, and returns. */
  readonly signal: AbortSignal;
}

/**
 * Takes Ctrl-C (and SIGTERM, which job schedulers send) over: the first aborts the signal and sets the exit code that
 * the program will end with; a second one ends the process at once, even within a step. tsx's own command (`npx tsx`)
 * kills a program that does not answer a Ctrl-C within 60 ms, as one that computes does not: `node --import tsx` lets it
 * end in its own time.
 * @param onInterrupt tells the user what will happen
 */
export function catchInterrupt(onInterrupt: () => void): Interrupt {
  const controller = new AbortController();
  const release = () => {
    for (const [name, listener] of listeners) process.off(name, listener);
  };
  const listeners = Object.entries(EXIT_CODES).map(([name, code]) => {
    const listener = () => {
      release(); // a process without listeners is ended by the system, however busy it is
      process.exitCode = code;
      onInterrupt();
      controller.abort();
    };
    return [name, listener] as const;
  });
  for (const [name, listener] of listeners) process.on(name, listener);
  return { signal: controller.signal, [Symbol.dispose]: release };
}
