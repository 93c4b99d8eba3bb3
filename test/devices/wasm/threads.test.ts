/** Programs that end, throw or are interrupted while workers run: no process stays behind, and none hangs. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defineKernel } from '../../../kernels/wasm/emit/kernel.ts';
import { I32 } from '../../../kernels/wasm/emit/values.ts';
import { createWasmDevice } from '../../../lib/devices/wasm/device.ts';
import { WasmEngine } from '../../../lib/devices/wasm/engine.ts';
import { DeviceError } from '../../../lib/errors.ts';

const source = new URL('../../../lib/devices/wasm/device.ts', import.meta.url).href;
const root = fileURLToPath(new URL('../../..', import.meta.url));
const PROGRAM = `
import { createWasmDevice } from '${source}';
const device = await createWasmDevice({ threads: 3 });
const n = 300;
const x = device.fill(n * n, 1);
const g = { batch: 1, m: n, n, k: n, transposeA: false, transposeB: false, batchStrideA: 0, batchStrideB: 0 };
const work = () => device.free(device.matmul(x, x, null, g));
work();
console.log('works');
`;

interface End {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

/** Runs the program with `ending` after it; a run of over ten minutes is a hang. */
function run(ending: string, kill?: NodeJS.Signals): Promise<End> {
  return new Promise((resolve, reject) => {
    const args = ['--import', 'tsx', '--input-type=module', '--eval', PROGRAM + ending];
    const child = spawn(process.execPath, args, { cwd: root });
    let output = '';
    const hang = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`hangs; it wrote:\n${output}`));
    }, 600_000);
    const read = (data: Buffer) => {
      if (kill && !output.includes('works') && String(data).includes('works')) {
        setTimeout(() => child.kill(kill), 100);
      }
      output += data;
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('close', (code, signal) => {
      clearTimeout(hang);
      resolve({ code, signal, output });
    });
  });
}

test('a program ends without disposing of its device', async () => {
  const { code, output } = await run('');
  assert.is(code, 0, output);
  assert.match(output, 'works');
});

test('process.exit() ends it at once', async () => {
  assert.is((await run('for (let i = 0; i < 20; i++) work(); process.exit(3);')).code, 3);
});

test('an uncaught error ends it', async () => {
  const { code, output } = await run("work(); throw new Error('on purpose');");
  assert.is(code, 1);
  assert.match(output, 'on purpose');
});

test('SIGINT ends it in the middle of its work', async () => {
  assert.is((await run('for (;;) work();', 'SIGINT')).signal, 'SIGINT');
});

test('workers that slept wake up again', async () => {
  const ending = `
for (let i = 0; i < 5; i++) {
  await new Promise((resolve) => setTimeout(resolve, 60));
  work();
}
const [value] = device.readSync(device.matmul(x, x, null, g));
console.log(value);
await device.dispose();`;
  const { code, output } = await run(ending);
  assert.is(code, 0, output);
  assert.match(output, '300');
});

test('a trap on any thread is an error, and the engine goes on', async () => {
  const engine = await WasmEngine.start(3, 'auto');
  const beyond = defineKernel('beyond', {}, ({ f }) => f.store(I32.const(-256), I32.const(1)));
  for (let turn = 0; turn < 5; turn++) {
    assert.throws(() => engine.launch(beyond, 50, {}), /out of bounds/);
    const count = defineKernel('count', { out: 'i32' }, ({ f, p, task }) =>
      f.store(p.out.add(task.shl(2)), task.add(1)),
    );
    engine.withScratch(400, (out) => {
      engine.launch(count, 100, { out });
      const numbers = engine.heap.i32.subarray(out / 4, out / 4 + 100);
      assert.is(
        numbers.reduce((sum, i) => sum + i),
        5050,
      );
    });
  }
  await engine.stop();
});

test('the same thread count gives the same bits', async () => {
  const data = Float32Array.from({ length: 64 * 50 * 50 }, (_, i) => Math.sin(i * i));
  const sizes = { batch: 2, inChannels: 32, inHeight: 50, inWidth: 50, outChannels: 32 };
  const kernel = {
    outHeight: 50,
    outWidth: 50,
    kernelHeight: 3,
    kernelWidth: 3,
    strideHeight: 1,
    strideWidth: 1,
  };
  const rest = { paddingHeight: 1, paddingWidth: 1, dilationHeight: 1, dilationWidth: 1, groups: 1 };
  const gradients = async () => {
    const device = await createWasmDevice({ threads: 3 });
    const x = device.upload(data);
    const gradient = device.readSync(device.conv2dWeightGrad(x, x, { ...sizes, ...kernel, ...rest }));
    await device.dispose();
    return gradient;
  };
  const first = await gradients();
  for (let turn = 0; turn < 3; turn++) assert.equal(await gradients(), first);
});

test('a number of threads that makes no sense is refused', async () => {
  for (const threads of [0, -1, 1.5, 1000]) {
    try {
      await createWasmDevice({ threads });
      assert.unreachable();
    } catch (error) {
      assert.instance(error, DeviceError);
    }
  }
});

test.run();
