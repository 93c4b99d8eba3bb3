/** The packed package's declarations, read by the least compiler that the README names and by the current ones. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile, installPackage, project, provideTools, root } from './project.ts';

const COMPILERS = ['typescript-5', 'typescript-6', 'typescript-7'];
/** How a project finds modules: as Node does, or as bundlers do. */
const RESOLUTIONS = [
  { module: 'node16' },
  { module: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
];
/** What is for browsers too, and what is for Node. */
const [EVERYWHERE, IN_NODE] = [['core.ts', 'training.ts'], ['files.ts']];

const test = suite('types');
if (provideTools() && installPackage('types')) {
  test('every entry is tried', () => {
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const texts = [...EVERYWHERE, ...IN_NODE].map((name) => readFileSync(join(project, name), 'utf8'));
    for (const entry of Object.keys(exports)) {
      const from = `from 'gradiograph${entry.slice(1)}'`;
      assert.ok(
        texts.some((text) => text.includes(from)),
        from,
      );
    }
  });
  for (const compiler of COMPILERS) {
    for (const resolution of RESOLUTIONS) {
      const what = `${compiler}, ${Object.values(resolution).join(', ')}`;
      test(`type-checks strictly with lib es2022, without DOM and Node's types: ${what}`, () => {
        compile(EVERYWHERE, { ...resolution, lib: ['es2022'] }, compiler);
      });
      test(`gradiograph/node type-checks strictly with lib es2022 and Node's types: ${what}`, () => {
        compile(IN_NODE, { ...resolution, lib: ['es2022'], types: ['node'] }, compiler);
      });
    }
  }
  // TypeScript 5.8 was the first to know that Node can require() a module.
  for (const compiler of ['typescript-6', 'typescript-7']) {
    test(`a CommonJS file type-checks: ${compiler}, nodenext`, () => {
      compile(['required.cts'], { module: 'nodenext', lib: ['es2022'] }, compiler);
    });
  }
}
test.run();
