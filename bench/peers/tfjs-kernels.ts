/** The measured kernels in TensorFlow.js's operations, in Node or in a page. */
import type { Conv2dGeometry, MaxPool2dGeometry, Pool2dGeometry } from '../../lib/devices/device.ts';
import { noise, sizeOf } from '../workload/shapes.ts';
import type { Computation, KernelTask } from '../workload/tasks.ts';
import { type Tf, type TfTensor, TO_HWIO, TO_NCHW, TO_NHWC, TO_OIHW } from './tfjs-api.ts';

export interface TfKernel {
  /** Does it once; the result, which is the caller's to dispose of, is there. Where there are several, the one to compare. */
  run(): Promise<TfTensor>;
  /** A result's values in our layout. */
  values(result: TfTensor): Promise<Float32Array>;
  close(): void;
}

/** Channels lie last in TensorFlow's images. */
const BUT_CHANNELS = [0, 1, 2];

export function openTfKernel(tf: Tf, { operands, computation }: KernelTask): TfKernel {
  const inputs = operands.map((shape, i) => {
    const values = tf.tensor(noise(sizeOf(shape), i), shape);
    const isFilter = i === 1 && (computation.op === 'conv2d' || computation.op === 'conv2dInputGrad');
    return shape.length === 4 ? tf.transpose(values, isFilter ? TO_HWIO : TO_NHWC) : values;
  });
  const compute = prepare(tf, computation, inputs);
  const isFilter = computation.op === 'conv2dWeightGrad';
  return {
    async run() {
      const result = tf.tidy(compute);
      await settle(tf, result);
      return result;
    },
    values: (result) =>
      (result.shape.length === 4 ? tf.transpose(result, isFilter ? TO_OIHW : TO_NCHW) : result).data(),
    close() {
      for (const input of inputs) input.dispose();
    },
  };
}

/** Waits for a result by reading the last of its values, as `settle` does with ours. */
async function settle(tf: Tf, result: TfTensor): Promise<void> {
  const last = result.shape.map((size) => size - 1);
  const probe = tf.slice(
    result,
    last,
    last.map(() => 1),
  );
  const [value] = await probe.data();
  probe.dispose();
  if (!Number.isFinite(value)) throw new Error(`a kernel's result is ${value}`);
}

function prepare(tf: Tf, computation: Computation, inputs: readonly TfTensor[]): () => TfTensor {
  const [a, b, c, d] = inputs;
  switch (computation.op) {
    case 'matmul': {
      const { transposeA, transposeB } = computation.g;
      return () => tf.fused.matMul({ a, b, transposeA, transposeB, bias: c });
    }
    case 'conv2d':
      return kernel(tf, 'Conv2D', { x: a, filter: b }, convAttributes(computation.g));
    case 'conv2dInputGrad':
      return kernel(tf, 'Conv2DBackpropInput', { dy: a, filter: b }, convAttributes(computation.g));
    case 'conv2dWeightGrad':
      return kernel(tf, 'Conv2DBackpropFilter', { x: a, dy: b }, convAttributes(computation.g));
    case 'batchNorm':
      return () => {
        const { mean, variance } = tf.moments(a, BUT_CHANNELS);
        return tf.relu(tf.batchNorm(a, mean, variance, c, b, computation.g.eps));
      };
    case 'batchNormGrad':
      return batchNormGrad(tf, [a, b, c, d], computation.g.eps);
    case 'maxPool2d':
      return kernel(tf, 'MaxPool', { x: a }, poolAttributes(computation.g));
    case 'maxPool2dGrad': {
      const attributes = poolAttributes(computation.g);
      const output = kernel(tf, 'MaxPool', { x: b }, attributes)();
      return kernel(tf, 'MaxPoolGrad', { dy: a, input: b, output }, attributes);
    }
    case 'avgPool2d':
      return kernel(tf, 'AvgPool', { x: a }, poolAttributes(computation.g));
    case 'avgPool2dGrad': {
      const { g } = computation;
      const input = tf.zeros([g.batch, g.inHeight, g.inWidth, g.channels]);
      return kernel(tf, 'AvgPoolGrad', { dy: a, input }, poolAttributes(g));
    }
    case 'globalAvgPool':
      return () => tf.mean(a, [1, 2], true);
    case 'globalAvgPoolGrad': {
      const { inHeight, inWidth } = computation.g;
      return () => tf.mul(tf.tile(a, [1, inHeight, inWidth, 1]), tf.scalar(1 / (inHeight * inWidth)));
    }
    case 'relu':
      return () => tf.relu(a);
    case 'sigmoid':
      return () => tf.sigmoid(a);
    case 'reluGrad':
      return () => tf.mul(a, tf.step(b));
    case 'add':
      return () => tf.add(a, b);
    case 'channelSums':
      return () => tf.sum(a, BUT_CHANNELS);
    case 'concat':
      return () => tf.concat(inputs, 3);
  }
}

const kernel = (tf: Tf, name: string, inputs: Record<string, TfTensor>, attributes: object) => () =>
  tf.engine().runKernel(name, inputs, attributes);

function convAttributes(g: Conv2dGeometry): object {
  return {
    strides: [g.strideHeight, g.strideWidth],
    pad: g.paddingHeight,
    dataFormat: 'NHWC',
    dilations: [1, 1],
    dimRoundingMode: 'floor',
    inputShape: [g.batch, g.inHeight, g.inWidth, g.inChannels],
    filterShape: [g.kernelHeight, g.kernelWidth, g.inChannels, g.outChannels],
  };
}

function poolAttributes(g: Pool2dGeometry | MaxPool2dGeometry): object {
  return {
    filterSize: [g.kernelHeight, g.kernelWidth],
    strides: [g.strideHeight, g.strideWidth],
    pad: g.paddingHeight,
    dimRoundingMode: 'floor',
  };
}

/**
 * What TensorFlow.js's own gradients come to, the forward pass's statistics being known: with n = (x - mean) / sigma and
 * g = dy where the ReLU let x pass, dx = weight / sigma (g - mean(g) - n mean(g n)); sum(g n) and sum(g) with it.
 */
function batchNormGrad(tf: Tf, [dy, x, weight, bias]: readonly TfTensor[], eps: number): () => TfTensor {
  const { mean, variance } = tf.moments(x, BUT_CHANNELS);
  return () => {
    const scale = tf.rsqrt(tf.add(variance, tf.scalar(eps)));
    const normal = tf.mul(tf.sub(x, mean), scale);
    const passed = tf.mul(dy, tf.step(tf.add(tf.mul(normal, weight), bias)));
    const counted = tf.scalar(1 / (sizeOf(x.shape) / sizeOf(mean.shape)));
    const [weightGrad, biasGrad] = [
      tf.sum(tf.mul(passed, normal), BUT_CHANNELS),
      tf.sum(passed, BUT_CHANNELS),
    ];
    const centred = tf.sub(passed, tf.mul(biasGrad, counted));
    const own = tf.sub(centred, tf.mul(normal, tf.mul(weightGrad, counted)));
    return tf.mul(own, tf.mul(weight, scale));
  };
}
