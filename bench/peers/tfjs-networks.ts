/** The three networks in TensorFlow.js's operations, in Node or in a page. */
import type { NetworkTask } from '../workload/networks.ts';
import { noise, sizeOf } from '../workload/shapes.ts';
import { forward, type NetworkOps } from './networks.ts';
import { type Tf, type TfTensor, TO_HWIO } from './tfjs-api.ts';

/** One step of SGD with momentum on cross-entropy, or one forward pass. */
export function openTfNetwork(tf: Tf, { network, mode, batch, size }: NetworkTask): () => Promise<void> {
  const x = tf.tensor(noise(batch * size * size * 3), [batch, size, size, 3]);
  const numbers = Array.from({ length: batch }, (_, i) => i);
  const labels = tf.oneHot(tf.tensor(numbers, [batch], 'int32'), 1000);
  const parameters: TfTensor[] = [];
  const logits = (input: TfTensor) => {
    let next = 0;
    return forward(
      operations(tf, mode === 'training', (shape) => (parameters[next++] ??= initial(tf, shape))),
      network,
      input,
    );
  };
  // TensorFlow.js differentiates by the variables that there are before the function is called; this one makes them.
  tf.tidy(() => logits(tf.zeros([1, 32, 32, 3])));
  const optimizer = tf.train.momentum(1e-3, 0.9);
  const loss = () => tf.losses.softmaxCrossEntropy(labels, logits(x));
  const step = () =>
    mode === 'training' ? optimizer.minimize(loss, true) : tf.tidy(() => tf.mean(logits(x)));
  return async () => {
    const y = step();
    const [value] = await y.data();
    y.dispose();
    if (!Number.isFinite(value)) throw new Error(`the result is ${value}`);
  };
}

/** He's initialisation for weights, whose last axis is the outputs; ones for the rest. */
function initial(tf: Tf, shape: readonly number[]): TfTensor {
  if (shape.length === 1) return tf.variable(tf.ones(shape));
  const scale = Math.sqrt(6 / sizeOf(shape.slice(0, -1)));
  return tf.variable(
    tf.tensor(
      noise(sizeOf(shape)).map((value) => value * scale),
      shape,
    ),
  );
}

function operations(
  tf: Tf,
  trains: boolean,
  parameter: (shape: readonly number[]) => TfTensor,
): NetworkOps<TfTensor> {
  return {
    parameter: (shape) => parameter(shape.length === 4 ? TO_HWIO.map((axis) => shape[axis]) : shape),
    conv2d: (x, weight, stride, padding) => tf.conv2d(x, weight, stride, padding),
    batchNorm(x, scale, shift) {
      const { mean, variance } = trains
        ? tf.moments(x, [0, 1, 2])
        : { mean: tf.zeros(scale.shape), variance: tf.ones(scale.shape) };
      return tf.batchNorm(x, mean, variance, shift, scale, 1e-5);
    },
    relu: (x) => tf.relu(x),
    maxPool: (x) => tf.maxPool(x, 3, 2, 1),
    avgPool: (x) => tf.avgPool(x, 2, 2, 0),
    globalAvgPool: (x) => tf.mean(x, [1, 2]),
    dense: (x, weight, bias) => tf.add(tf.matMul(x, weight), bias),
    add: (a, b) => tf.add(a, b),
    concat: (xs) => tf.concat(xs, 3),
    share: (x) => x,
  };
}
