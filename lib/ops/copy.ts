import { AutogradError, ShapeError } from '../errors.ts';
import { isGradEnabled } from '../tensor/autograd.ts';
import { broadcastGeometry, broadcastShapes, formatShape, sameShape } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * Overwrites the values of x with those of `source`, which broadcasts to x's shape; returns x. The copy is not recorded:
 * where one of them wants a gradient it is made inside `noGrad`, as PyTorch asks for parameters.
 * @throws ShapeError if `source` does not broadcast to x's shape
 * @throws AutogradError outside `noGrad`, if x or `source` wants a gradient
 * @throws DeviceError for a source on another device that has no synchronous read
 */
export function copy_(x: Tensor, source: Tensor): Tensor {
  if (isGradEnabled() && (x.requiresGrad || source.requiresGrad)) {
    throw new AutogradError('copy_: is not recorded for a gradient; call it inside noGrad()');
  }
  if (!sameShape(broadcastShapes('copy_', x.shape, source.shape), x.shape)) {
    throw new ShapeError(`copy_: ${formatShape(source.shape)} does not broadcast to ${formatShape(x.shape)}`);
  }
  const { device } = x;
  const brought = source.device === device ? null : device.upload(source.dataSync());
  const { shape, strides } = broadcastGeometry(x.shape, [source.shape]);
  try {
    x.assign(device.strided(brought ?? source.storage, { shape, strides: strides[0], offset: 0 }));
  } finally {
    if (brought) device.free(brought);
  }
  return x;
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /** Overwrites the values with those of `source`, which broadcasts to this shape; inside `noGrad` for parameters. */
    copy_(source: Tensor): Tensor;
  }
}
