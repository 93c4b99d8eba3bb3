/** The programs' command lines: every value is checked, and --help says under headings what each flag takes and what it is by default. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Option } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { drawSet } from '../../examples/mura/open-data.ts';
import { deviceOptions, trainingOptions } from '../../examples/mura/options.ts';
import { flagValues, overrideRecipe } from '../../examples/mura/override-recipe.ts';
import { recipeOptions } from '../../examples/mura/recipe-flags.ts';
import { RECIPES } from '../../examples/mura/recipes.ts';
import { ProgressBar } from '../../lib/node.ts';

const test = suite('flags');
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'gradiograph-'));
test.after(() => rmSync(folder, { recursive: true }));

function run(file: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', file, ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, COLUMNS: '200' },
  });
  return { status, output: stdout + stderr };
}

/** Flags whose value may be any text: files and folders. */
const FREE = ['data', 'pretrained', 'cache'];

const refuses = (option: Option, value: string): boolean => {
  try {
    option.parseArg?.(value, undefined as never);
    return false;
  } catch {
    return true;
  }
};

test('each flag of a training refuses what is not of its kind', () => {
  const open = [...trainingOptions(), ...deviceOptions()].filter(
    (option) =>
      option.required && !['ten', '', '-1', 'NaN', '1e999'].every((value) => refuses(option, value)),
  );
  assert.equal(
    open.map((option) => option.attributeName()),
    FREE,
  );
});

const PROGRAMS: [file: string, ...args: string[]][] = [
  ['examples/mura-train.ts', '--seed', 'ten'],
  ['examples/mura-train.ts', '--recipe', 'toString'],
  ['examples/mura-study.ts', '--seed', '1,ten'],
  ['examples/mura-study.ts', '--recipe', 'toString'],
  ['examples/mura-transfer.ts', '--epochs', 'ten'],
  ['examples/mura-transfer.ts', '--epochs', '1.5'],
  ['examples/mura-transfer.ts', '--device', 'abacus'],
  ['examples/mura-predict.ts', 'x.png', '--weights', 'w', '--threshold', 'ten'],
  ['bench/kernels.ts', '--seconds', 'ten'],
  ['bench/training.ts', '--profile', 'ten'],
  ['bench/peers.ts', '--rounds', 'ten'],
  ['bench/browser.ts', '--batch', 'ten'],
];

test('a program that is given a wrong value says what would be right, and does nothing', () => {
  for (const [file, ...args] of PROGRAMS) {
    const out = join(folder, 'out');
    const { status, output } = run(file, ...args, ...(file.startsWith('examples/') ? ['--out', out] : []));
    assert.is(status, 1, `${file} ${args.join(' ')}: ${output}`);
    const [flag, value] = args.slice(-2);
    assert.match(
      output,
      new RegExp(
        `^error: option '${flag} <[^>]*>' argument '${value}' is invalid\\..*(wants|none of|Allowed)`,
        'im',
      ),
    );
    assert.not.ok(existsSync(out));
  }
});

test("--help has a heading over each flag, and each flag's default", () => {
  for (const name of ['train', 'study', 'predict', 'transfer']) {
    const { status, output } = run(`examples/mura-${name}.ts`, '--help');
    assert.is(status, 0, output);
    // A flag's lines, up to the next: they are indented, headings are not.
    const flags = output.split(/\n(?= {2}--|\S|\n)/).filter((part) => part.startsWith('  --'));
    assert.ok(flags.length > 4);
    const silent = flags.filter(
      (part) => /^ {2}--[a-z-]+ </.test(part) && !/\((default:\s|quick:\s|required).*\)$/s.test(part),
    );
    assert.equal(silent, []);
    const headings = output.match(/^[A-Z][a-z -]+:$/gm) ?? [];
    assert.ok(headings.length >= 4, headings.join(' '));
    const [, below = ''] = output.split(/^Options:\n/m);
    assert.match(below, /^ {2}-h, --help +print this\n(\n|$)/, 'nothing but itself is under no heading');
  }
  const best = run('examples/mura-train.ts', '--recipe', 'best', '--help').output.replace(/\s+/g, ' ');
  assert.match(best, /--size <pixels> [^(]*\(best: 320\)/);
  assert.match(best, /--layer-decay <share> [^(]*\(best: 0\.7\)/);
});

test('the defaults in --help are those that a recipe has: given as flags they change nothing', () => {
  for (const [name, recipe] of Object.entries(RECIPES)) {
    const given: Record<string, unknown> = {};
    const values = flagValues(recipe);
    for (const option of recipeOptions()) {
      const value = values.get(option.attributeName());
      if (value === undefined || option.negate) continue;
      given[option.attributeName()] = option.required
        ? (option.parseArg?.(value, undefined as never) ?? value)
        : value === 'on';
    }
    assert.equal(overrideRecipe(recipe, given), recipe, name);
  }
});

test('a terminal shows how far a set is drawn', async () => {
  const lines: string[] = [];
  const enough = new Error('enough');
  const write = (line: string) => {
    lines.push(line);
    throw enough;
  };
  await drawSet(join(folder, 'drawn'), 0, new ProgressBar({ isTTY: true, columns: 120, write })).catch(
    (error) => assert.is(error, enough),
  );
  assert.match(lines[0], /drawing .* \d+ % {2}\d+\/\d+ studies/);
});

test.run();
