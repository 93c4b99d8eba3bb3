/** The packed package in production bundles of Vite, rollup, webpack and esbuild, opened in Chromium. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chromiumPath, openFolder } from '../support/chromium.ts';
import { skipped } from '../support/skipped.ts';
import { installPackage, project, provideTools, run, tool } from './project.ts';

const ESBUILD = ['--bundle', '--minify'];

/** Each bundler's command, as its own documentation gives it; each writes into dist/NAME. */
const BUNDLERS: Readonly<Record<string, readonly string[]>> = {
  vite: ['vite', 'build'],
  rollup: ['rollup', '--config'],
  webpack: ['webpack'],
  esbuild: [
    'esbuild',
    'page.js',
    'worker.js',
    ...ESBUILD,
    '--splitting',
    '--format=esm',
    '--outdir=dist/esbuild',
  ],
  classic: ['esbuild', 'classic.js', ...ESBUILD, '--outdir=dist/classic'],
};

interface Trained {
  readonly losses: readonly number[];
  readonly description: string;
}

/** Opens a page of the project's `dist`, and gives what was trained in the place that a global promises. */
async function trained(path: string, ...places: readonly string[]): Promise<Trained[]> {
  await using opened = await openFolder(join(project, 'dist'), path);
  try {
    return await Promise.all(
      places.map((place) => opened.page.evaluate((name) => Reflect.get(globalThis, name), place)),
    );
  } catch (error) {
    throw new Error([path, (error as Error).message, ...opened.console].join('\n'));
  }
}

function assertTrained({ losses, description }: Trained): void {
  assert.match(description, /threads/);
  assert.is(losses.length, 20);
  assert.ok(losses[19] < losses[0] / 2, `losses ${losses}`);
}

const test = suite('bundles');
if (!chromiumPath) skipped('bundles in a browser', 'there is no Chromium; npm run setup:gl installs one');
else if (provideTools() && installPackage('web')) {
  test('data, training, maps and radiographs bundle without polyfills, and train in a module worker', async () => {
    const source = readFileSync(new URL('../browser/trainer-worker.ts', import.meta.url), 'utf8');
    const trainer = source.replaceAll(/'\.\.\/\.\.\/lib(\/\w+)?\/index\.ts'/g, "'gradiograph$1'");
    writeFileSync(join(project, 'trainer.ts'), trainer);
    for (const entry of ['', '/data', '/train', '/explain', '/mura'])
      assert.ok(trainer.includes(`from 'gradiograph${entry}'`), entry);
    const flags = [...ESBUILD, '--splitting', '--format=esm', '--platform=browser', '--outdir=dist/trainer'];
    const { status, output } = run(tool('esbuild'), ['trainer.ts', 'trainer-page.js', ...flags]);
    assert.is(status, 0, output);
    cpSync(join(project, 'trainer.html'), join(project, 'dist/trainer/trainer.html'));
    await using opened = await openFolder(join(project, 'dist'), '/trainer/trainer.html');
    const { result, failure } = (await opened.page.evaluate('answer')) as {
      result: { losses: number[]; map: number[] };
      failure?: string;
    };
    assert.is(failure, undefined, opened.console.join('\n'));
    assert.ok(result.losses[3] < result.losses[0], `losses ${result.losses}`);
    assert.equal(result.map, [16, 16]);
  });
  for (const [name, [command, ...args]] of Object.entries(BUNDLERS)) {
    test(`${name} bundles it without a warning, and the bundle trains on a page and in a worker`, async () => {
      const { status, output } = run(tool(command), args);
      assert.is(status, 0, output);
      assert.not.match(output, /\(!\)|warning/i, output);
      const page = name === 'classic' ? 'classic.html' : 'index.html';
      if (name !== 'vite') cpSync(join(project, page), join(project, 'dist', name, page));
      const places = name === 'classic' ? ['inPage'] : ['inPage', 'inWorker'];
      for (const result of await trained(`/${name}/${page}`, ...places)) assertTrained(result);
    });
  }
}
test.run();
