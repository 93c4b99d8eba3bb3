import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { Tensor } from '../tensor/tensor.ts';
import { checkPlanes, imageSizes } from './windows.ts';

/** One number for both axes, or [height, width]; null keeps the input's size. */
export type OutputSize = number | readonly [number | null, number | null];

/**
 * The means of outHeight x outWidth windows that tile the input, from floor(i*H/outHeight) to ceil((i+1)*H/outHeight),
 * as torch.nn.functional.adaptive_avg_pool2d.
 * @param x `[N, C, H, W]`
 * @returns `[N, C, outHeight, outWidth]`
 * @throws ShapeError for other than whole output sizes >= 0, and for images without rows or columns
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: OutputSize): Tensor {
  const [batch, channels, inHeight, inWidth] = imageSizes('adaptiveAvgPool2d', x);
  const [height, width] = typeof outputSize === 'number' ? [outputSize, outputSize] : outputSize;
  const [outHeight, outWidth] = [height ?? inHeight, width ?? inWidth];
  if (![outHeight, outWidth].every((size) => Number.isInteger(size) && size >= 0)) {
    throw new ShapeError(
      `adaptiveAvgPool2d: outputSize wants whole numbers >= 0, got [${outHeight}, ${outWidth}]`,
    );
  }
  checkPlanes('adaptiveAvgPool2d', x);
  const geometry = { batch, channels, inHeight, inWidth, outHeight, outWidth };
  const { device, shape } = x;
  const outShape = [batch, channels, outHeight, outWidth];
  return record(new Tensor({ device, storage: device.adaptiveAvgPool2d(x.storage, geometry) }, outShape), {
    name: 'adaptiveAvgPool2d',
    attributes: geometry,
    inputs: [x],
    backward: (dy) => [
      new Tensor({ device, storage: device.adaptiveAvgPool2dGrad(dy.storage, geometry) }, shape),
    ],
  });
}
