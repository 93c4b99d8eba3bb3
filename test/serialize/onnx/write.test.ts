import { createRequire } from 'node:module';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { init, models, nn, noGrad, randn, seed, type Tensor, tidy } from '../../../lib/index.ts';
import { OnnxExportError, writeOnnx } from '../../../lib/serialize/onnx/write.ts';
import { skipped } from '../../support/skipped.ts';

/** The part of onnxruntime-node that the test uses. It is one of bench/peers. */
interface OnnxRuntime {
  InferenceSession: { create(bytes: Uint8Array): Promise<{ run(feeds: object): Promise<OnnxOutputs> }> };
  Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => object;
}
interface OnnxOutputs {
  output: { data: Float32Array; dims: readonly number[] };
}

function loadRuntime(): OnnxRuntime | null {
  try {
    return createRequire(new URL('../../../bench/peers/package.json', import.meta.url))('onnxruntime-node');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    return null;
  }
}

const runtime = loadRuntime();
await init({ device: 'wasm' });

/**
 * The largest difference between our outputs and ONNX Runtime's on a batch of 3, the file being traced with 1, as a
 * share of the largest output where that is above 1.
 */
async function difference(
  model: nn.Module,
  sample: readonly number[],
  foldBatchNorm: boolean,
): Promise<number> {
  if (!runtime) throw new Error('onnxruntime-node is not installed');
  // One training pass, so that running statistics are not the 0 and 1 that they start with.
  tidy(() => noGrad(() => model.train().forward(randn([4, ...sample]))));
  model.eval();
  const session = await runtime.InferenceSession.create(writeOnnx(model, [1, ...sample], { foldBatchNorm }));
  const x = randn([3, ...sample]);
  const ours: Tensor = noGrad(() => model.forward(x));
  const { output } = await session.run({ input: new runtime.Tensor('float32', await x.data(), x.shape) });
  assert.equal(output.dims, ours.shape);
  const values = await ours.data();
  const scale = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
  return values.reduce((worst, value, i) => Math.max(worst, Math.abs(value - output.data[i])), 0) / scale;
}

const inputSize = 64;
const numClasses = 5;

const NETWORKS: Readonly<Record<string, () => nn.Module>> = {
  cnn2: () => models.cnn2({ inputSize }),
  cnn4: () => models.cnn4({ inputSize, batchNorm: true }),
  cnn15: () => models.cnn15({ inputSize, batchNorm: true }),
  resnet18: () => models.resnet18({ numClasses }),
  resnet34: () => models.resnet34({ numClasses }),
  resnet50: () => models.resnet50({ numClasses }),
  resnet101: () => models.resnet101({ numClasses }),
  resnet152: () => models.resnet152({ numClasses }),
  densenet121: () => models.densenet121({ numClasses }),
  densenet161: () => models.densenet161({ numClasses }),
  densenet169: () => models.densenet169({ numClasses }),
  densenet201: () => models.densenet201({ numClasses }),
};

if (runtime) {
  for (const [name, make] of Object.entries(NETWORKS)) {
    for (const foldBatchNorm of [false, true]) {
      test(`${name}${foldBatchNorm ? ', batch norm folded' : ''}: ONNX Runtime gives the same outputs`, async () => {
        seed(1);
        using model = make();
        const worst = await difference(model, [3, inputSize, inputSize], foldBatchNorm);
        assert.ok(worst < 1e-4, `they differ by ${worst}`);
      });
    }
  }

  test('pooling in ceil mode, leaky ReLU and arithmetic with numbers', async () => {
    class Net extends nn.Module {
      readonly conv = new nn.Conv2d(2, 6, { kernelSize: [3, 2], stride: 2, padding: 1, groups: 2 });
      forward(x: Tensor): Tensor {
        const pooled = new nn.MaxPool2d({ kernelSize: 3, stride: 2, ceilMode: true }).forward(
          this.conv.forward(x),
        );
        return new nn.LeakyReLU(0.2).forward(pooled).mul(2).add(-0.5);
      }
    }
    assert.ok((await difference(new Net(), [2, 18, 16], false)) < 1e-5);
  });
} else
  skipped('ONNX Runtime', 'onnxruntime-node is not installed: npm ci --prefix bench/peers --ignore-scripts');

test('an op that ONNX cannot express is named', () => {
  class Net extends nn.Module {
    forward(x: Tensor): Tensor {
      return x.sum();
    }
  }
  assert.throws(
    () => writeOnnx(new Net(), [1, 3]),
    (error: unknown) => error instanceof OnnxExportError && error.message.includes("'sum'"),
  );
});

test('exporting leaves the training mode as it was', () => {
  const model = models.cnn2({ inputSize: 16 });
  model.train();
  model.children()[0].eval();
  const before = [...model.namedModules().values()].map(({ training }) => training);
  writeOnnx(model, [1, 3, 16, 16]);
  assert.equal(
    [...model.namedModules().values()].map(({ training }) => training),
    before,
  );
});

test.run();
