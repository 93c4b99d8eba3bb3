/** The packed package, as a fresh project meets it: installed, imported, type-checked, bundled and trained with. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile, everyFile, installPackage, megabytes, project, readme, run, succeed } from './project.ts';

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

/** Compiler options with which a project's files are emitted beside their sources. */
const EMIT = { module: 'nodenext', lib: ['es2022', 'dom'], noEmit: false };

const test = suite('packed package');
const tarball = installPackage('app');
if (tarball) {
  const [, example] = readme.match(/```ts\n(.*?)```/s) ?? [];
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
        /^\/(package\.json|README\.md|LICENSE|dist\/.*\.(js|d\.ts)|docs\/\w+\.(png|jpg)|bench\/results\/RESULTS\.(md|svg))$/,
      );
      assert.not.match(readFileSync(path, 'utf8'), /\/(work|root|home|tmp)\/\w/, path);
    }
  });

  test('brings little beside the webgpu that gpu.js brings, which is refused as too old', () => {
    const isWebGpu = (path: string) => path.startsWith(join(project, 'node_modules/webgpu/'));
    const files = everyFile(join(project, 'node_modules'));
    const [webgpu, others] = [files.filter(isWebGpu), files.filter((path) => !isWebGpu(path))].map(megabytes);
    console.log(`${others.toFixed(1)} MB and webgpu of ${webgpu.toFixed(1)} MB`);
    assert.ok(others < 9, `${others} MB`);
    assert.ok(webgpu < 90, `${webgpu} MB`);
    const script = "import { init } from 'gradiograph'; await init({ device: 'webgpu' });";
    const { output } = run(process.execPath, ['--input-type=module', '--eval', script]);
    assert.match(output, /DeviceError: .*'webgpu'.*0\.2\.9 is too old \(npm install webgpu@\^0\.6\)/);
  });

  test('trains in Node', () => {
    compile(['train.ts'], EMIT);
    const { losses, names, parameters, sum, device } = JSON.parse(succeed(process.execPath, ['train.js']));
    console.log(device);
    assert.ok(losses[4] < losses[0], `losses ${losses}`);
    assert.equal(names, ['fc.weight', 'fc.bias']);
    assert.is(parameters, 62);
    assert.is(sum, 16);
  });

  test("runs the README's example", () => {
    compile(['readme.ts'], EMIT);
    console.log(succeed(process.execPath, ['readme.js']));
  });

  test('reads and writes files through gradiograph/node', () => {
    compile(['files.ts'], { ...EMIT, types: ['node'] });
    assert.is(succeed(process.execPath, ['files.js']).trim(), 'weight,bias');
  });

  test('reads images in worker threads', () => {
    compile(['images.ts'], { ...EMIT, types: ['node'] });
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
