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
    assert.ok(kilobytes < 544, `${kilobytes} KiB packed`);
    for (const path of files) {
      assert.match(
        path.slice(installed.length),
        /^\/(package\.json|(README|CHANGELOG)\.md|LICENSE|dist\/.*\.(js|d\.ts)|docs\/[\w-]+\.(md|png|jpg)|bench\/results\/RESULTS\.(md|svg))$/,
      );
      assert.not.match(readFileSync(path, 'utf8'), /\/(work|root|home|tmp)\/\w/, path);
    }
    for (const name of ['LICENSE', 'CHANGELOG.md']) assert.ok(files.includes(join(installed, name)), name);
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

  test('is required by CommonJS as it is imported, and an older Node says that import() is the way', () => {
    assert.equal(JSON.parse(succeed(process.execPath, ['required.cjs'])), {
      differing: [],
      gradient: [2, 4],
    });
    // So do Node 20.0 to 20.18 and 22.0 to 22.11.
    const { status, output } = run(process.execPath, ['--no-experimental-require-module', 'required.cjs']);
    assert.is(status, 1);
    assert.match(
      output,
      /require\(\) of ES Module \S+gradiograph\S+ .*not supported.\n.* to a dynamic import\(\)/,
    );
  });

  test('could be published without a warning', () => {
    const nowhere = [
      '--registry',
      'http://127.0.0.1:9',
      '--//127.0.0.1:9/:_authToken=none',
      '--fetch-retries=0',
    ];
    const { status, output } = run('npm', ['publish', '--dry-run', ...nowhere, tarball]);
    assert.is(status, 0, output);
    assert.not.match(output, /npm (warn|error)/i);
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
    const options = { splitting: true, outdir: project, write: false, metafile: true };
    const { metafile } = await bundle("export * from 'gradiograph';", options);
    const chunks = metafile?.outputs ?? {};
    /** Adds a chunk, and what it needs at once. */
    const load = (entry: string, loaded: Set<string>) => {
      const [path] = Object.keys(chunks).filter((path) => chunks[path].entryPoint?.endsWith(entry));
      const add = (path: string) => {
        if (loaded.has(path)) return;
        loaded.add(path);
        for (const { kind, path: needed } of chunks[path].imports)
          if (kind === 'import-statement') add(needed);
      };
      add(path);
      return loaded;
    };
    const kibibytes = (loaded: Set<string>) =>
      [...loaded].reduce((sum, path) => sum + chunks[path].bytes, 0) / 1024;
    const core = load('<stdin>', new Set());
    const wasm = load('devices/wasm/device.js', new Set(core));
    const gpu = load('gpu-browser.js', load('devices/gpu/open.js', new Set(core)));
    const [least, withWasm, withGpu] = [core, wasm, gpu].map(kibibytes);
    console.log(`KiB minified: core ${least}, with wasm ${withWasm}, with gpu.js ${withGpu}`);
    assert.ok(least < 128, `core: ${least} KiB`);
    assert.ok(withWasm < 224, `with wasm: ${withWasm} KiB`);
    assert.ok(withGpu < 880, `with gpu.js: ${withGpu} KiB`);
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
