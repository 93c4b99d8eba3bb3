import type { BinaryOp } from '../devices/device.ts';
import { DeviceError } from '../errors.ts';
import {
  broadcastGeometry,
  broadcastShapes,
  reduceGeometry,
  type Shape,
  sameShape,
} from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';

/** The device that all operands of an op share. @throws DeviceError if they do not. */
export function sharedDevice(op: string, ...tensors: readonly Tensor[]): Tensor['device'] {
  const { device } = tensors[0];
  for (const tensor of tensors) {
    if (tensor.device !== device) {
      throw new DeviceError(
        `${op}: operands live on two devices, ${device.name} and ${tensor.device.name}; make them after one init()`,
      );
    }
  }
  return device;
}

/** op(a, b) with broadcasting, not recorded. */
export function binary(op: BinaryOp, a: Tensor, b: Tensor): Tensor {
  const device = sharedDevice(op, a, b);
  const shape = broadcastShapes(op, a.shape, b.shape);
  const geometry = broadcastGeometry(shape, [a.shape, b.shape]);
  return new Tensor({ device, storage: device.binary(op, a.storage, b.storage, geometry) }, shape);
}

/** The gradient of broadcasting `shape` to dy's: dy summed over the axes that were repeated, not recorded. */
export function sumTo(dy: Tensor, shape: Shape): Tensor {
  if (sameShape(dy.shape, shape)) return dy;
  const lead = dy.rank - shape.length;
  const axes = dy.shape.flatMap((size, axis) =>
    axis < lead || (shape[axis - lead] === 1 && size !== 1) ? [axis] : [],
  );
  const { device } = dy;
  return new Tensor(
    { device, storage: device.reduce('sum', dy.storage, reduceGeometry(dy.shape, axes)) },
    shape,
  );
}
