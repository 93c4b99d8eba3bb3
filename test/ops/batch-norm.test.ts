import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { createWasmDevice } from '../../lib/devices/wasm/device.ts';
import { cat, F, profile, randn, seed, type Tensor, tidy } from '../../lib/index.ts';
import { close } from '../support/close-to.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { errorOf, inUse } from '../support/reference-device.ts';

interface Inputs {
  readonly parts: readonly Tensor[];
  readonly residual: Tensor | null;
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Leaves for x of the given channels, `[2, C, 5, 3]` in all. */
function draw(channels: readonly number[], withResidual: boolean): Inputs {
  const leaf = (shape: number[]) => randn(shape, { requiresGrad: true });
  const count = channels.reduce((sum, n) => sum + n);
  return {
    parts: channels.map((n) => leaf([2, n, 5, 3])),
    residual: withResidual ? leaf([2, count, 5, 3]) : null,
    weight: leaf([count]),
    bias: leaf([count]),
    mean: randn([count]),
    variance: randn([count]).exp(),
  };
}

const fused = ({ parts, residual, weight, bias, mean, variance }: Inputs, relu: boolean, training: boolean) =>
  F.batchNorm(parts, mean, variance, { weight, bias, residual, relu, training });

function composed({ parts, residual, ...rest }: Inputs, relu: boolean, training: boolean): Tensor {
  const { weight, bias, mean, variance } = rest;
  const y = F.batchNorm(cat(parts, 1), mean, variance, { weight, bias, training });
  const total = residual ? y.add(residual) : y;
  return relu ? F.relu(total) : total;
}

/** The output, the gradients under the loss sum(y^3), and the running statistics. */
async function run(forward: typeof fused, inputs: Inputs, relu: boolean, training: boolean) {
  const leaves = [...inputs.parts, inputs.residual, inputs.weight, inputs.bias].filter(
    (leaf) => leaf !== null,
  );
  const [mean, variance] = [inputs.mean.mul(1), inputs.variance.mul(1)];
  const y = forward({ ...inputs, mean, variance }, relu, training);
  y.mul(y).mul(y).sum().backward();
  const gradients = leaves.map((leaf) => leaf.grad as Tensor);
  const values = await Promise.all([y, ...gradients, mean, variance].map((value) => value.data()));
  for (const leaf of leaves) {
    leaf.grad?.dispose();
    leaf.grad = null;
  }
  return values;
}

for (const [name, device] of [
  ['reference', new ReferenceDevice()],
  ['wasm', await createWasmDevice({ threads: 2 })],
] as const) {
  const test = suite(`batch norm, ${name}`);
  test.before.each(() => {
    setDevice(device);
    seed(1);
  });

  for (const channels of [[7], [4, 1, 6]]) {
    for (const residual of [false, true]) {
      for (const relu of [false, true]) {
        for (const training of [false, true]) {
          const title = `${channels.length} parts${residual ? ', residual' : ''}${relu ? ', relu' : ''}${training ? ', training' : ''}`;
          test(`${title}: as the ops one by one, and nothing stays in memory`, async () => {
            const before = inUse();
            await tidy(async () => {
              const inputs = draw(channels, residual);
              const ours = await run(fused, inputs, relu, training);
              const expected = await run(composed, inputs, relu, training);
              ours.forEach((values, i) => {
                close(`value ${i}`, values, expected[i], { atol: 1e-3 });
              });
            });
            assert.equal(inUse(), before);
          });
        }
      }
    }
  }

  test('what needs the output in its backward makes it again', () => {
    tidy(() => {
      const [x, weight] = [randn([4, 8, 16, 16], { requiresGrad: true }), randn([8, 8, 1, 1])];
      weight.setRequiresGrad();
      const before = inUse().bytes;
      const y = tidy(() => F.conv2d(F.batchNorm(x, null, null, { training: true, relu: true }), weight));
      // The convolution's output, and little more than the statistics: not the input of the convolution.
      assert.ok(inUse().bytes - before < 1.1 * 4 * x.size, `${inUse().bytes - before} bytes`);
      y.sum().backward();
      assert.ok(x.grad && weight.grad);
    });
  });

  test('a part that comes again has its statistics computed once, until it changes', () => {
    tidy(() => {
      const parts = [1, 2, 3].map((count) => randn([2, count, 3, 3]));
      const computed = (xs: readonly Tensor[]): number => {
        const { rows } = profile(() => void F.batchNorm(xs, null, null, { training: true }));
        return rows.find(({ op }) => op === 'batchNormStatistics')?.calls ?? 0;
      };
      assert.equal([computed(parts.slice(0, 2)), computed(parts), computed(parts)], [2, 1, 0]);
      parts[1].assign(device.fill(parts[1].size, 3));
      assert.is(computed(parts), 1);
    });
  });

  test('shapes that do not fit', () => {
    tidy(() => {
      const x = randn([2, 3, 4, 4]);
      const norm = (xs: Tensor[], residual?: Tensor) => () =>
        F.batchNorm(xs, null, null, { training: true, residual });
      assert.is(errorOf(norm([])), 'ShapeError: batchNorm: wants at least one tensor');
      assert.is(
        errorOf(norm([x, randn([2, 1, 4, 5])])),
        'ShapeError: batchNorm: part 1 of the input has shape [2, 1, 4, 5], want [2, 3, 4, 4] but for axis 1',
      );
      assert.is(
        errorOf(norm([x], randn([2, 4, 4, 4]))),
        'ShapeError: batchNorm: residual has shape [2, 4, 4, 4], the output [2, 3, 4, 4]',
      );
    });
  });

  test('ends', () => device.dispose());
  test.run();
}
