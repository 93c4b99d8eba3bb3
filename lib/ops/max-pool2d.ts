import { record } from '../tensor/autograd.ts';
import { Tensor } from '../tensor/tensor.ts';
import { type Pair, type PoolWindow, poolWindows } from './windows.ts';

export interface MaxPool2dOptions extends PoolWindow {
  /** Default 1. */
  readonly dilation?: Pair;
}

/**
 * The largest value of each window; of equal ones the first gets the gradient.
 * @param x `[N, C, H, W]`
 * @returns `[N, C, outHeight, outWidth]`
 */
export function maxPool2d(x: Tensor, options: MaxPool2dOptions): Tensor {
  const geometry = poolWindows('maxPool2d', x, options, options.dilation);
  const { device, shape } = x;
  const result = device.maxPool2d(x.storage, geometry);
  const outShape = [geometry.batch, geometry.channels, geometry.outHeight, geometry.outWidth];
  const indices = new Tensor({ device, storage: result.indices }, outShape);
  const output = record(new Tensor({ device, storage: result.output }, outShape), {
    name: 'maxPool2d',
    attributes: geometry,
    inputs: [x],
    saved: [indices],
    backward: (dy, [indices]) => {
      const storage = device.maxPool2dGrad(dy.storage, indices.storage, geometry);
      return [new Tensor({ device, storage }, shape)];
    },
  });
  indices.dispose();
  return output;
}
