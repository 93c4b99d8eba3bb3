/** What is used of TensorFlow.js, which the page finds as the global `tf`: its bundles are no part of ours. */
import type { Conv2dGeometry, MatmulGeometry } from '../../lib/devices/device.ts';
import type { Contestant } from './page.ts';

interface TfTensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

interface Tf {
  readonly version_core: string;
  setBackend(name: string): Promise<boolean>;
  tensor(values: Float32Array, shape: readonly number[]): TfTensor;
  transpose(x: TfTensor, axes: readonly number[]): TfTensor;
  matMul(a: TfTensor, b: TfTensor): TfTensor;
  engine(): {
    runKernel(name: string, inputs: Record<string, TfTensor>, attributes: object): TfTensor;
  };
}

/** NCHW and OIHW, ours, to NHWC and HWIO, TensorFlow's. */
const TO_NHWC = [0, 2, 3, 1];
const TO_NCHW = [0, 3, 1, 2];
const TO_HWIO = [2, 3, 1, 0];
const TO_OIHW = [3, 2, 0, 1];

export async function openTfjs(): Promise<Contestant> {
  const { tf } = globalThis as unknown as { tf: Tf };
  if (!(await tf.setBackend('webgl'))) throw new Error('tfjs: no webgl backend');

  function contest(make: () => TfTensor, layout: readonly number[] | null) {
    return {
      time: async () => {
        const start = performance.now();
        const y = make();
        await y.data();
        const ms = performance.now() - start;
        y.dispose();
        return ms;
      },
      result: async () => {
        const y = make();
        return (layout ? tf.transpose(y, layout) : y).data();
      },
    };
  }

  return {
    name: `tfjs-webgl ${tf.version_core}`,
    matmul(g: MatmulGeometry, a: Float32Array, b: Float32Array) {
      const left = tf.tensor(a, [g.m, g.k]);
      const right = tf.tensor(b, [g.k, g.n]);
      return contest(() => tf.matMul(left, right), null);
    },
    conv2d(g: Conv2dGeometry, x: Float32Array, w: Float32Array, dy: Float32Array) {
      const xShape = [g.batch, g.inChannels, g.inHeight, g.inWidth];
      const wShape = [g.outChannels, g.inChannels, g.kernelHeight, g.kernelWidth];
      const input = tf.transpose(tf.tensor(x, xShape), TO_NHWC);
      const filter = tf.transpose(tf.tensor(w, wShape), TO_HWIO);
      const gradient = tf.transpose(
        tf.tensor(dy, [g.batch, g.outChannels, g.outHeight, g.outWidth]),
        TO_NHWC,
      );
      const attributes = {
        strides: [g.strideHeight, g.strideWidth],
        pad: g.paddingHeight,
        dataFormat: 'NHWC',
        dilations: [1, 1],
        dimRoundingMode: 'floor',
        inputShape: TO_NHWC.map((axis) => xShape[axis]),
        filterShape: TO_HWIO.map((axis) => wShape[axis]),
      };
      const run = (name: string, inputs: Record<string, TfTensor>) =>
        tf.engine().runKernel(name, inputs, attributes);
      return {
        forward: contest(() => run('Conv2D', { x: input, filter }), TO_NCHW),
        'input gradient': contest(() => run('Conv2DBackpropInput', { dy: gradient, filter }), TO_NCHW),
        'weight gradient': contest(() => run('Conv2DBackpropFilter', { x: input, dy: gradient }), TO_OIHW),
      };
    },
  };
}
