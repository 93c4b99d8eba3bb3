/**
 * Says loudly that something cannot be tested on this machine. The runner repeats it at the end of the run, and with
 * `CI_STRICT=1` counts it as a failure.
 */
export function skipped(what: string, why: string): void {
  console.log(`SKIPPED ${what}: ${why.replaceAll(/\s*\n\s*/g, '; ')}`);
}
