import { required, resolveOptions } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { Tensor } from '../tensor/tensor.ts';
import { type PoolWindow, poolWindows, type WindowArguments, windowOptions } from './windows.ts';

/** The options of `avgPool2d`. */
export interface AvgPool2dOptions extends PoolWindow {
  /** Whether padding counts in the divisor; default true. */
  readonly countIncludePad?: boolean;
  /** Divides by this number instead of the window's size. Default none. */
  readonly divisorOverride?: number;
}

/** The options of a layer or call of this kind, from either form. @throws ArgumentError for others */
export const avgPool2dOptions = (owner: string, window: WindowArguments<AvgPool2dOptions>) =>
  resolveOptions(owner, windowOptions(owner, window), {
    kernelSize: required,
    stride: undefined,
    padding: 0,
    ceilMode: false,
    countIncludePad: true,
    divisorOverride: undefined,
  });

/**
 * The mean of each window, as torch.nn.functional.avg_pool2d.
 * @param x `[N, C, H, W]`
 * @param window as options, or kernelSize, stride and padding in this order and then the other options
 * @returns `[N, C, outHeight, outWidth]`
 * @throws ShapeError for windows that do not fit the image, and a divisor of 0
 * @throws ArgumentError for other options
 */
export function avgPool2d(x: Tensor, ...window: WindowArguments<AvgPool2dOptions>): Tensor {
  const options = avgPool2dOptions('avgPool2d', window);
  const { countIncludePad, divisorOverride } = options;
  if (divisorOverride === 0) throw new ShapeError('avgPool2d: divisorOverride wants another number than 0');
  const windows = poolWindows('avgPool2d', x, options);
  const geometry = { ...windows, countIncludePad, divisorOverride: divisorOverride ?? 0 };
  const { device, shape } = x;
  const outShape = [geometry.batch, geometry.channels, geometry.outHeight, geometry.outWidth];
  return record(new Tensor({ device, storage: device.avgPool2d(x.storage, geometry) }, outShape), {
    name: 'avgPool2d',
    attributes: geometry,
    inputs: [x],
    backward: (dy) => [new Tensor({ device, storage: device.avgPool2dGrad(dy.storage, geometry) }, shape)],
  });
}
