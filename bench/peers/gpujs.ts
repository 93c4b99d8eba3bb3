/** gpu.js as its own documentation uses it: one thread per output, arrays in and out, on WebAssembly with threads. */
import { GPU, Input } from 'gpu.js';
import type { Conv2dGeometry } from '../../lib/devices/device.ts';
import { noise } from '../workload/shapes.ts';
import { serve, versionOf } from './serve.ts';
import { Cannot } from './stage.ts';

/** gpu.js takes any array of numbers, and its types say `number[]`. */
const grid = (values: Float32Array, sizes: [number, number] | [number, number, number]): Input =>
  new Input(values as never, sizes);

type Nested = Float32Array | readonly Nested[];
type AsyncKernel = (a: Input, b: Input) => Promise<Nested>;

const threads = Number(process.argv[2]);
const gpu = new GPU({ mode: 'webasm' });

/** The kernel as text: tsx would rename what gpu.js reads back from a function. */
function createKernel(source: string, output: readonly number[]): AsyncKernel {
  const settings = { output: [...output], asyncMode: true, poolSize: threads };
  return gpu.createKernel(source as never, settings as object) as unknown as AsyncKernel;
}

await serve({
  version: versionOf('gpu.js'),
  detail: `webasm mode, naive kernels, ${threads} threads; Node ${process.versions.node}`,
  async open(task) {
    if (task.kind === 'network') throw new Cannot('no layers');
    if (task.pass !== 'forward') throw new Cannot('no gradient');
    const { computation } = task;
    let compute: () => Promise<Nested>;
    if (computation.op === 'matmul') compute = product(computation.g.m);
    else if (computation.op === 'conv2d') compute = convolution(computation.g);
    else throw new Cannot('no such kernel of its own');
    let last: Nested = [];
    return {
      run: async () => {
        last = await compute();
      },
      result: async () => flatten(last),
    };
  },
});

/** Of square matrices. */
function product(size: number): () => Promise<Nested> {
  const kernel = createKernel(
    `function (a, b) {
      let sum = 0;
      for (let k = 0; k < ${size}; k++) sum += a[this.thread.y][k] * b[k][this.thread.x];
      return sum;
    }`,
    [size, size],
  );
  const [a, b] = [noise(size * size), noise(size * size, 1)];
  return () => kernel(grid(a, [size, size]), grid(b, [size, size]));
}

function convolution(g: Conv2dGeometry): () => Promise<Nested> {
  const kernel = createKernel(
    `function (x, w) {
      const image = Math.floor(this.thread.z / ${g.outChannels});
      const out = this.thread.z - image * ${g.outChannels};
      let sum = 0;
      for (let channel = 0; channel < ${g.inChannels}; channel++) {
        for (let ky = 0; ky < ${g.kernelHeight}; ky++) {
          const row = this.thread.y * ${g.strideHeight} + ky - ${g.paddingHeight};
          for (let kx = 0; kx < ${g.kernelWidth}; kx++) {
            const column = this.thread.x * ${g.strideWidth} + kx - ${g.paddingWidth};
            if (row >= 0 && row < ${g.inHeight} && column >= 0 && column < ${g.inWidth}) {
              sum += x[image * ${g.inChannels} + channel][row][column] * w[out * ${g.inChannels} + channel][ky][kx];
            }
          }
        }
      }
      return sum;
    }`,
    [g.outWidth, g.outHeight, g.batch * g.outChannels],
  );
  const x = noise(g.batch * g.inChannels * g.inHeight * g.inWidth);
  const w = noise(g.outChannels * g.inChannels * g.kernelHeight * g.kernelWidth, 1);
  return () =>
    kernel(
      grid(x, [g.inWidth, g.inHeight, g.batch * g.inChannels]),
      grid(w, [g.kernelWidth, g.kernelHeight, g.outChannels * g.inChannels]),
    );
}

function flatten(values: Nested): number[] {
  return values instanceof Float32Array ? [...values] : values.flatMap(flatten);
}
