import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { init } from '../../lib/index.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { skipped } from '../support/skipped.ts';
import { compare, type TorchRuns } from './compare.ts';
import { drawProgram } from './draw.ts';
import { endsOf, format, type Program } from './program.ts';
import { runPrograms } from './runner.ts';
import { findTorch, TorchSide } from './sides.ts';

const test = suite('differential');

const range = (length: number) => Array.from({ length }, (_, i) => i);

test('a program is a function of seed and number, and most ops of the table are drawn', () => {
  setDevice(new ReferenceDevice());
  const programs = range(300).map((number) => drawProgram(5, number));
  assert.equal(drawProgram(5, 17), programs[17]);
  const ops = new Set(programs.flatMap(({ steps }) => steps.map(({ op }) => op)));
  assert.ok(ops.size > 50, `${ops.size} ops`);
});

test('values, shapes, gradients and refusals that differ are told', () => {
  const program: Program = {
    seed: 1,
    inputs: [{ shape: [2], values: [1, 2], differentiable: true }],
    steps: [{ op: 'exp', inputs: [0], args: {} }],
  };
  assert.equal(endsOf(program), [1]);
  const run = (value: number, gradient: number, shape = [2]) => ({
    outputs: [{ shape, values: [1, value] }],
    gradients: [{ shape: [2], values: [gradient, 0] }],
  });
  const refusal = { step: 0, message: 'no' };
  const theirs: TorchRuns = [run(3, 4), run(3 + 1e-7, 4)];
  assert.is(compare(program, run(3 + 1e-6, 4), theirs), null);
  assert.match(compare(program, run(3.001, 4), theirs)?.what ?? '', 'v1, exp: element 1 is 3.001');
  assert.match(compare(program, run(Number.NaN, 4), theirs)?.what ?? '', 'element 1 is NaN');
  assert.match(compare(program, run(3, 4.01), theirs)?.what ?? '', 'gradient of v0: element 0');
  assert.match(compare(program, run(3, 4, [1, 2]), theirs)?.what ?? '', 'shape [1,2], PyTorch has [2]');
  assert.match(compare(program, refusal, theirs)?.what ?? '', 'this library refuses step v1, exp: no');
  assert.match(
    compare(program, run(3, 4), [refusal, refusal])?.what ?? '',
    'PyTorch refuses step v1, exp: no',
  );
  const near: TorchRuns = [run(3, 4), run(3.01, 4)];
  assert.is(compare(program, run(3.1, 4), theirs, [near]), null, 'what rounding may do');
  assert.is(compare(program, refusal, [refusal, refusal]), null);
});

const python = findTorch();
if (python) {
  test("programs give PyTorch's values and gradients", async () => {
    using torch = new TorchSide(python);
    const device = await init({ device: 'wasm', threads: 1 });
    const { findings } = await runPrograms(device, torch, { seed: 1, first: 0, count: 20 });
    const shown = findings.map(({ what, program }) => `${what}\n${format(program)}`).join('\n\n');
    assert.is(findings.length, 0, shown);
    await device.dispose();
  });

  test('a device that is wrong in one op is found, and the program is made small', async () => {
    using torch = new TorchSide(python);
    const device = new ReferenceDevice();
    const unary = device.unary.bind(device);
    device.unary = (op, x, argument) => unary(op === 'tanh' ? 'sigmoid' : op, x, argument);
    const { findings } = await runPrograms(device, torch, { seed: 1, first: 0, count: 60 });
    assert.ok(findings.length > 0);
    for (const { what, kind, program } of findings) {
      assert.is(kind, 'value of tanh', what);
      assert.equal(
        program.steps.map(({ op }) => op),
        ['tanh'],
      );
    }
  });
} else {
  skipped('random programs beside PyTorch', 'no python3 here imports torch: apt-get install python3-torch');
}

test.run();
