/**
 * Bun, Deno and newer versions of Node, each: the packed package with the README's example and with data workers, the op
 * table and the choice of instructions on the wasm device, data workers from source. `npm ci --prefix test/engines` installs them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { installPackage, project, root } from '../consumer/project.ts';
import { skipped } from '../support/skipped.ts';

interface Engine {
  readonly name: string;
  readonly binary: string;
  /** Before a file, in JavaScript or in TypeScript. */
  readonly run: readonly string[];
  readonly runTypeScript: readonly string[];
}

const node = (major: number): Engine => ({
  name: `Node ${major}`,
  binary: `node${major}/bin/node`,
  run: [],
  runTypeScript: ['--import', 'tsx'],
});
const ENGINES: readonly Engine[] = [
  { name: 'Bun', binary: '@oven/bun-linux-x64/bin/bun', run: ['run'], runTypeScript: ['run'] },
  { name: 'Deno', binary: '@deno/linux-x64-glibc/deno', run: ['run', '-A'], runTypeScript: ['run', '-A'] },
  node(22),
  node(24),
  node(26),
];
const SUITES = ['test/ops/wasm.test.ts', 'test/devices/wasm/variants.test.ts', 'test/data/workers.test.ts'];

const binaryOf = ({ binary }: Engine) => fileURLToPath(new URL(`node_modules/${binary}`, import.meta.url));

/** What a program prints; it must end well. */
function outputOf(engine: Engine, args: readonly string[], cwd: string): string {
  const env = { ...process.env, NO_COLOR: '1' };
  const { status, signal, stdout, stderr } = spawnSync(binaryOf(engine), args, {
    cwd,
    env,
    encoding: 'utf8',
  });
  if (status !== 0)
    throw new Error(`${engine.name} ${args.join(' ')}: ${signal ?? status}\n${stdout}${stderr}`);
  return stdout;
}

const installed = ENGINES.filter((engine) => {
  if (existsSync(binaryOf(engine))) return true;
  skipped(`the wasm device in ${engine.name}`, 'not installed (Linux on x64: npm ci --prefix test/engines)');
  return false;
});

if (installed.length) {
  const packed = installPackage('app') !== null;
  const [, example = ''] = readFileSync(join(root, 'README.md'), 'utf8').match(/```ts\n(.*?)```/s) ?? [];
  if (packed) writeFileSync(join(project, 'readme.mjs'), example);
  for (const engine of installed) {
    const test = suite(engine.name);
    if (packed) {
      test("the README's example learns", () => {
        const output = outputOf(engine, [...engine.run, 'readme.mjs'], project);
        const losses = [...output.matchAll(/step \d+: loss ([\d.]+)/g)].map(([, loss]) => Number(loss));
        assert.is(losses.length, 4, output);
        assert.ok(losses[3] < losses[0] && losses[3] < 0.5, output);
      });
      test('CommonJS requires it as it is imported', () => {
        const { differing, gradient } = JSON.parse(
          outputOf(engine, [...engine.run, 'required.cjs'], project),
        );
        assert.equal([differing, gradient], [[], [2, 4]]);
      });
      test('data workers read images', () => {
        assert.is(outputOf(engine, [...engine.run, 'images.ts'], project).trim(), '0 true');
      });
    }
    for (const file of SUITES) {
      test(file, () => {
        const output = outputOf(engine, [...engine.runTypeScript, file], root);
        const [total, passed] = ['Total', 'Passed'].map((label) =>
          Number(output.match(new RegExp(`^ {2}${label}: +(\\d+)$`, 'm'))?.[1]),
        );
        assert.ok(total > 0 && passed === total, output);
        assert.not.match(output, /^SKIPPED/m);
      });
    }
    test.run();
  }
}
