/** Fuzzes the readers of files: `npm run fuzz -- --help`. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { describe } from './describe.ts';
import { FORMATS } from './formats.ts';
import { fuzz } from './runner.ts';

const NAMES = FORMATS.map(({ name }) => name);

function count(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('Wants a whole number from 0 on.');
}

const program = new Command('fuzz')
  .description(
    'Reads mutants of sound files. Each must give a value or an error of ours, within time and memory in the measure of the file.',
  )
  .addOption(new Option('--format <names...>', 'which formats').choices(NAMES).default(NAMES, 'all'))
  .addOption(new Option('--cases <n>', 'mutants of each format').argParser(count).default(1000))
  .addOption(new Option('--seed <n>', 'of the mutations').argParser(count).default(1))
  .addOption(new Option('--case <n>', 'runs one case of --seed again').argParser(count))
  .addOption(new Option('--seconds <n>', 'begins no case of a format after so long').argParser(count))
  .option('--save <folder>', 'where the inputs of findings are kept', 'runs/fuzz')
  .addHelpText('after', '\nThe last line counts formats: N passed, N failed.')
  .showHelpAfterError('(--help lists the flags)')
  .parse();

const options = program.opts<{
  format: string[];
  cases: number;
  seed: number;
  case?: number;
  seconds?: number;
  save: string;
}>();

let failed = 0;
for (const format of options.format) {
  const { seed, seconds = Number.POSITIVE_INFINITY, save } = options;
  const range =
    options.case === undefined ? { first: 0, cases: options.cases } : { first: options.case, cases: 1 };
  const outcome = await fuzz({ format, seed, ...range, seconds, save });
  if (outcome.findings.length > 0) failed++;
  console.log(describe(outcome, seed));
}
if (failed > 0) console.log(`the inputs of findings are in ${options.save}`);
console.log(`${options.format.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
