/** The measured kernels on a device's own primitives. */
import type { BatchNormGeometry, Device, Storage } from '../../lib/devices/device.ts';
import { noise, sizeOf } from './shapes.ts';
import type { Computation, KernelTask } from './tasks.ts';

export interface OpenKernel {
  /** Queues one run; its results are the caller's to free, the first is the one to compare. */
  run(): Storage[];
  close(): void;
}

/** Uploads the operands, and computes what a gradient is given from the forward pass. */
export function openKernel(device: Device, { operands, computation }: KernelTask): OpenKernel {
  const inputs = operands.map((shape, i) => device.upload(noise(sizeOf(shape), i)));
  const { extra, run } = prepare(device, computation, inputs);
  return {
    run: () => [run()].flat(),
    close() {
      for (const storage of [...inputs, ...extra]) device.free(storage);
    },
  };
}

const planesOf = ({ batch, channels, spatial }: BatchNormGeometry) => ({
  batch,
  channels: channels[0],
  spatial,
});

interface Prepared {
  /** Storages that it made beforehand. */
  readonly extra: readonly Storage[];
  readonly run: () => Storage | Storage[];
}

function prepare(device: Device, computation: Computation, inputs: readonly Storage[]): Prepared {
  const [a, b, c, d] = inputs;
  const plain = (run: Prepared['run']): Prepared => ({ extra: [], run });
  switch (computation.op) {
    case 'matmul':
      return plain(() => device.matmul(a, b, c ?? null, computation.g));
    case 'conv2d':
      return plain(() => device.conv2d(a, b, null, computation.g));
    case 'conv2dInputGrad':
      return plain(() => device.conv2dInputGrad(a, b, computation.g));
    case 'conv2dWeightGrad':
      return plain(() => device.conv2dWeightGrad(a, b, computation.g));
    case 'batchNorm': {
      const { g } = computation;
      return plain(() => {
        const { mean, variance } = device.batchNormStatistics(a, planesOf(g));
        return [
          device.batchNorm([a], { mean, variance, weight: b, bias: c, residual: null }, g),
          mean,
          variance,
        ];
      });
    }
    case 'batchNormGrad': {
      const { g } = computation;
      const { mean, variance } = device.batchNormStatistics(b, planesOf(g));
      return {
        extra: [mean, variance],
        run: () => {
          const operands = { mean, variance, weight: c, bias: d, residual: null };
          const grads = device.batchNormGrad(a, [b], operands, { ...g, training: true });
          return [...grads.inputs, grads.weight, grads.bias];
        },
      };
    }
    case 'maxPool2d':
      return plain(() => {
        const { output, indices } = device.maxPool2d(a, computation.g);
        return [output, indices];
      });
    case 'maxPool2dGrad': {
      const { output, indices } = device.maxPool2d(b, computation.g);
      return { extra: [output, indices], run: () => device.maxPool2dGrad(a, indices, computation.g) };
    }
    case 'avgPool2d':
      return plain(() => device.avgPool2d(a, computation.g));
    case 'avgPool2dGrad':
      return plain(() => device.avgPool2dGrad(a, computation.g));
    case 'globalAvgPool':
      return plain(() => device.adaptiveAvgPool2d(a, computation.g));
    case 'globalAvgPoolGrad':
      return plain(() => device.adaptiveAvgPool2dGrad(a, computation.g));
    case 'relu':
      return plain(() => device.unary('relu', a, 0));
    case 'sigmoid':
      return plain(() => device.unary('sigmoid', a, 0));
    case 'reluGrad':
      return plain(() => device.unaryGrad('relu', a, b, 0));
    case 'add':
      return plain(() => device.binary('add', a, b, computation.g));
    case 'channelSums':
      return plain(() => device.reduce('sum', a, computation.g));
    case 'concat':
      return plain(() => device.concat(inputs, computation.g));
  }
}
