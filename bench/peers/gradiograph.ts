/** Ourselves, under the rules of the others. */

import type { Storage } from '../../lib/devices/device.ts';
import { init } from '../../lib/index.ts';
import { openNetwork } from '../network.ts';
import { settle } from '../settle.ts';
import { conv2d, gemm, noise } from '../shapes.ts';
import { serve } from './serve.ts';

const device = await init({ device: 'wasm', threads: Number(process.argv[2]) });

await serve({
  version: 'this tree',
  detail: device.description,
  async open(task) {
    if (task.kind === 'network') return { run: openNetwork(task) };
    const inputs: Storage[] = [];
    const upload = (length: number) => {
      inputs.push(device.upload(noise(length)));
      return inputs[inputs.length - 1];
    };
    let compute: () => Storage;
    if (task.kind === 'gemm') {
      const [a, b] = [upload(task.size ** 2), upload(task.size ** 2)];
      compute = () => device.matmul(a, b, null, gemm(task.size, task.size, task.size));
    } else {
      const g = conv2d(task.shape, task.batch);
      const x = () => upload(g.batch * g.inChannels * g.inHeight * g.inWidth);
      const w = () => upload(g.outChannels * g.inChannels * g.kernelHeight * g.kernelWidth);
      const dy = () => upload(g.batch * g.outChannels * g.outHeight * g.outWidth);
      if (task.pass === 'forward') {
        const [input, weight] = [x(), w()];
        compute = () => device.conv2d(input, weight, null, g);
      } else if (task.pass === 'input grad') {
        const [gradient, weight] = [dy(), w()];
        compute = () => device.conv2dInputGrad(gradient, weight, g);
      } else {
        const [input, gradient] = [x(), dy()];
        compute = () => device.conv2dWeightGrad(input, gradient, g);
      }
    }
    return {
      async run() {
        const y = compute();
        await settle(device, y);
        device.free(y);
      },
      async result() {
        const y = compute();
        const values = await device.read(y);
        device.free(y);
        return values;
      },
      close() {
        for (const storage of inputs) device.free(storage);
      },
    };
  },
});
