/** The packed package, as a fresh project meets it: installed, imported, type-checked, bundled and trained with. */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { installPackage, project, root, succeed } from './project.ts';

/** Type-checks and emits some of the project's files. */
function compile(files: readonly string[], options: Record<string, unknown>): void {
  const compilerOptions = {
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable', 'DOM'],
    module: 'NodeNext',
    strict: true,
    skipLibCheck: false,
    types: [],
    ...options,
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  succeed(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
}

const bundle = (contents: string, options: BuildOptions) =>
  build({
    stdin: { contents, resolveDir: project },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
    ...options,
  });

const everyFile = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());

const test = suite('packed package');
const tarball = installPackage('app');
if (tarball) {
  const [, example] = readFileSync(join(root, 'README.md'), 'utf8').match(/```ts\n(.*?)```/s) ?? [];
  writeFileSync(join(project, 'readme.ts'), example ?? 'the README has no example');
  const installed = join(project, 'node_modules/gradiograph');

  test('holds what is needed and nothing of the place it was made in', () => {
    const files = everyFile(installed);
    const kilobytes = statSync(tarball).size / 1024;
    console.log(`${files.length} files, ${kilobytes.toFixed(0)} KiB packed`);
    assert.ok(kilobytes < 512, `${kilobytes} KiB packed`);
    for (const path of files) {
      assert.match(
        path.slice(installed.length),
        /^\/(package\.json|README\.md|LICENSE|dist\/.*\.(js|d\.ts))$/,
      );
      assert.not.match(readFileSync(path, 'utf8'), /\/(work|root|home|tmp)\/\w/, path);
    }
  });

  test('type-checks strictly without the types of Node, for Node and for bundlers', () => {
    compile(['train.ts', 'readme.ts'], {});
    compile(['train.ts', 'readme.ts'], { module: 'preserve', moduleResolution: 'bundler', noEmit: true });
  });

  test('trains in Node', () => {
    const { losses, names, parameters, sum, device } = JSON.parse(succeed(process.execPath, ['train.js']));
    console.log(device);
    assert.ok(losses[4] < losses[0], `losses ${losses}`);
    assert.equal(names, ['fc.weight', 'fc.bias']);
    assert.is(parameters, 62);
    assert.is(sum, 16);
  });

  test("runs the README's example", () => {
    console.log(succeed(process.execPath, ['readme.js']));
  });

  test('reads and writes files through gradiograph/node', () => {
    compile(['files.ts'], { types: ['node'], typeRoots: [join(root, 'node_modules/@types')] });
    assert.is(succeed(process.execPath, ['files.js']).trim(), 'weight,bias');
  });

  test('reads images in worker threads', () => {
    compile(['images.ts'], { types: ['node'], typeRoots: [join(root, 'node_modules/@types')] });
    assert.is(succeed(process.execPath, ['images.js']).trim(), '0 true');
  });

  test('bundles for a browser without polyfills', async () => {
    const { outputFiles } = await bundle("export * from 'gradiograph';", { write: false });
    const { text } = outputFiles?.[0] ?? { text: '' };
    console.log(`${(text.length / 1024).toFixed(0)} KiB minified`);
    assert.ok(text.length > 0);
  });

  test('keeps its methods and the names of its errors when it is shaken and minified', async () => {
    const contents = `
      import { ShapeError, Tensor } from 'gradiograph';
      console.log(typeof Tensor.prototype.add, new ShapeError('').name);`;
    await bundle(contents, { outdir: project, entryNames: 'shaken' });
    assert.is(succeed(process.execPath, ['shaken.js']).trim(), 'function ShapeError');
  });
}
test.run();
