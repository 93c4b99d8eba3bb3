/** How the programs begin and end. */
import { Command, Option } from 'commander';
import { GradiographError } from '../../lib/index.ts';
import { visible } from '../../lib/node.ts';

/**
 * A command line whose --help says under headings what each flag takes, and what it is where it is not given.
 * @param defaults of flags whose default depends on others, under commander's names, in words; asked as --help is printed
 */
export function newProgram(
  name: string,
  description: string,
  defaults: (program: Command) => ReadonlyMap<string, string> = () => new Map(),
): Command {
  const program = new Command(name);
  return program
    .description(description)
    .helpOption('-h, --help', 'print this')
    .configureHelp({
      optionDescription: (option) =>
        [option.description, ...notesOf(option, defaults(program))].filter(Boolean).join(' '),
    })
    .showHelpAfterError('(--help lists the flags)');
}

/** The choices of a flag, and its default. */
function notesOf(option: Option, defaults: ReadonlyMap<string, string>): string[] {
  const { argChoices, mandatory, defaultValue, defaultValueDescription } = option;
  const own = defaultValueDescription ?? (option.isBoolean() ? undefined : defaultValue);
  const words = defaults.get(option.attributeName()) ?? (own === undefined ? null : `default: ${own}`);
  return [
    ...(argChoices ? [`[${argChoices.join(', ')}]`] : []),
    ...(mandatory ? ['(required)'] : []),
    ...(words && !option.negate ? [`(${words})`] : []),
  ];
}

/** A flag under a heading of --help; `words` say what it is where it is not given. */
export const flagOf = (heading: string, flags: string, description: string, words?: string): Option =>
  new Option(flags, description).default(undefined, words).helpGroup(heading);

/** Runs a program. What it foresaw ends it with a message and exit code 1, names of files in it as they can be shown; the rest with its stack. */
export function runProgram(main: () => Promise<void>): void {
  main().catch((error) => {
    if (!(error instanceof GradiographError || 'syscall' in error)) throw error;
    console.error(visible(`${error.name}: ${error.message}`));
    process.exitCode = 1;
  });
}
