/** Commands as documents give them: whether what they name is there. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { root } from './markdown.ts';

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).map(
  (name) => `test/${name}`,
);

/** npm's own commands; all others are scripts of package.json. */
const NPM_COMMANDS = ['ci', 'install', 'audit', 'pack', 'publish', 'version'];
/** What is not of this repository, and taken on trust. */
const FOREIGN = ['git', 'cd', 'export', 'python3'];

const flagsByProgram = new Map<string, Set<string>>();

/** The flags that a program's `--help` names. */
function flagsOf(program: string): Set<string> {
  const known = flagsByProgram.get(program);
  if (known) return known;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', program, '--help'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.is(status, 0, `${program} --help: ${stderr}`);
  const flags = new Set(stdout.match(/--[a-z][a-z0-9-]*/g));
  flagsByProgram.set(program, flags);
  return flags;
}

/** A program of this repository, with what it is given. */
function checkProgram(program: string, args: readonly string[]): void {
  assert.ok(existsSync(join(root, program)), `no program ${program}`);
  if (program === 'test/run.ts') {
    for (const part of args)
      assert.ok(
        tests.some((file) => file.includes(part)),
        `no test has ${part} in its path`,
      );
    return;
  }
  for (const arg of args) {
    if (!arg.startsWith('--')) continue;
    const [flag] = arg.split('=');
    assert.ok(flagsOf(program).has(flag), `${program} has no flag ${flag}`);
  }
}

function checkScript(name: string, args: readonly string[]): void {
  const script = scripts[name];
  assert.ok(script, `package.json has no script '${name}'`);
  const program = script.split(' ').find((word) => word.endsWith('.ts'));
  if (program) checkProgram(program, args[0] === '--' ? args.slice(1) : args);
}

function checkWords([command, ...args]: readonly string[]): void {
  if (command.includes('=')) checkWords(args);
  else if (command === 'npm' && args[0] === 'run') checkScript(args[1], args.slice(2));
  else if (command === 'npm' && !NPM_COMMANDS.includes(args[0])) checkScript(args[0], args.slice(1));
  else if (command === 'npx' && args[0] === 'tsx') checkProgram(args[1], args.slice(2));
  else if (command === 'npx')
    assert.ok(existsSync(join(root, 'node_modules/.bin', args[0])), `no ${args[0]}`);
  else if (command === 'node') {
    const at = args.findIndex((arg) => arg.endsWith('.ts'));
    checkProgram(args[at] ?? 'after node', args.slice(at + 1));
  } else if (command === 'xvfb-run') checkWords(args.filter((arg) => !/^-[a-z]$/.test(arg)));
  else {
    const isKnown = command === 'npm' || FOREIGN.includes(command) || existsSync(join(root, command));
    assert.ok(isKnown, `unknown command '${command}'`);
  }
}

/** Checks a line of a shell: its scripts and programs exist, and their `--help` names the flags. */
export function checkCommand(line: string): void {
  const commands = line.replace(/(^|\s)#.*$/, '').split(/&&|\||;/);
  for (const command of commands) {
    const words = command.trim().split(/\s+/);
    if (words[0]) checkWords(words);
  }
}
