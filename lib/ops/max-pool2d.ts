import { required, resolveOptions } from '../arguments.ts';
import { record } from '../tensor/autograd.ts';
import { Tensor } from '../tensor/tensor.ts';
import { type Pair, type PoolWindow, poolWindows, type WindowArguments, windowOptions } from './windows.ts';

/** The options of `maxPool2d`. */
export interface MaxPool2dOptions extends PoolWindow {
  /** From one value of a window to the next. Default 1. */
  readonly dilation?: Pair;
}

/** The options of a layer or call of this kind, from either form. @throws ArgumentError for others */
export const maxPool2dOptions = (owner: string, window: WindowArguments<MaxPool2dOptions>) =>
  resolveOptions(owner, windowOptions(owner, window), {
    kernelSize: required,
    stride: undefined,
    padding: 0,
    ceilMode: false,
    dilation: 1,
  });

/**
 * The largest value of each window, as torch.nn.functional.max_pool2d; of equal ones the first gets the gradient.
 * @param x `[N, C, H, W]`
 * @param window as options, or kernelSize, stride and padding in this order and then the other options
 * @returns `[N, C, outHeight, outWidth]`
 * @throws ShapeError for windows that do not fit the image
 * @throws ArgumentError for other options
 */
export function maxPool2d(x: Tensor, ...window: WindowArguments<MaxPool2dOptions>): Tensor {
  const options = maxPool2dOptions('maxPool2d', window);
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
