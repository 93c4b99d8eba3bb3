/** How the programs end. */
import { GradiographError } from '../../lib/index.ts';
import { visible } from '../../lib/node.ts';

/** Runs a program. What it foresaw ends it with a message and exit code 1, names of files in it as they can be shown; the rest with its stack. */
export function runProgram(main: () => Promise<void>): void {
  main().catch((error) => {
    if (!(error instanceof GradiographError || 'syscall' in error)) throw error;
    console.error(visible(`${error.name}: ${error.message}`));
    process.exitCode = 1;
  });
}
