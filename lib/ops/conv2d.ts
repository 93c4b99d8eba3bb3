import { resolveOptions } from '../arguments.ts';
import type { Conv2dGeometry } from '../devices/device.ts';
import { ShapeError } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { sharedDevice } from '../tensor/placement.ts';
import { tidy } from '../tensor/scope.ts';
import { formatShape } from '../tensor/shape.ts';
import { Tensor } from '../tensor/tensor.ts';
import { checkResidual, type Epilogue } from './epilogue.ts';
import { pad } from './pad.ts';
import { reduce, unaryGrad } from './primitive-calls.ts';
import { checkPlanes, imageSizes, type Pair, pair } from './windows.ts';

/** The options of `conv2d`. */
export interface Conv2dOptions extends Epilogue {
  /** From one window to the next. Default 1. */
  readonly stride?: Pair;
  /** Zeros around the image. Default 0; 'same' keeps the image's size, with the odd row and column at the end; 'valid' is 0. */
  readonly padding?: Pair | 'same' | 'valid';
  /** From one value of a window to the next. Default 1. */
  readonly dilation?: Pair;
  /** Output channels of a group see the input channels of that group only. Default 1. */
  readonly groups?: number;
}

/** The windows of a convolution, along [height, width]. */
interface Windows {
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
}

/**
 * The cross-correlation of images with a kernel, as torch.nn.functional.conv2d, plus the bias and the residual, and with
 * `relu` not below 0.
 * @param x `[N, C, H, W]`
 * @param weight `[O, C / groups, kernelHeight, kernelWidth]`
 * @param bias `[O]`; default none
 * @returns `[N, O, outHeight, outWidth]`
 * @throws ShapeError where the shapes do not fit, and for an image smaller than the kernel
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: Conv2dOptions = {},
): Tensor {
  const { stride, padding, dilation, groups, residual, relu } = resolveOptions('conv2d', options, {
    stride: 1,
    padding: 0,
    dilation: 1,
    groups: 1,
    residual: null,
    relu: false,
  });
  check(x, weight, bias, groups);
  const epilogue = { residual, relu };
  const windows = {
    stride: pair('conv2d', 'stride', stride, 1),
    dilation: pair('conv2d', 'dilation', dilation, 1),
  };
  if (padding !== 'same') {
    const both = padding === 'valid' ? ([0, 0] as const) : pair('conv2d', 'padding', padding, 0);
    return conv2dForward([x, weight, bias], { ...windows, padding: both }, groups, epilogue);
  }
  if (windows.stride[0] !== 1 || windows.stride[1] !== 1) {
    throw new ShapeError(`conv2d: padding 'same' wants stride 1, got ${formatShape(windows.stride)}`);
  }
  // The padding of both edges together; an odd row or column goes to the end.
  const [height, width] = windows.dilation.map((step, axis) => step * (weight.shape[2 + axis] - 1));
  const half = [Math.floor(height / 2), Math.floor(width / 2)] as const;
  const forward = (x: Tensor) =>
    conv2dForward([x, weight, bias], { ...windows, padding: half }, groups, epilogue);
  if (height % 2 === 0 && width % 2 === 0) return forward(x);
  return tidy(() => forward(pad(x, [0, width % 2, 0, height % 2])));
}

function check(x: Tensor, weight: Tensor, bias: Tensor | null, groups: number): void {
  const [, channels] = imageSizes('conv2d', x);
  sharedDevice('conv2d', x, weight, bias);
  checkPlanes('conv2d', x);
  const [out, inGroup] = weight.shape;
  if (weight.rank !== 4) {
    throw new ShapeError(`conv2d: weight wants [O, C / groups, KH, KW], got ${formatShape(weight.shape)}`);
  }
  if (weight.size === 0) {
    throw new ShapeError(`conv2d: weight wants sizes of at least 1, got ${formatShape(weight.shape)}`);
  }
  if (!(Number.isInteger(groups) && groups > 0) || out % groups !== 0) {
    throw new ShapeError(
      `conv2d: groups wants a whole number > 0 that divides the ${out} output channels, got ${groups}`,
    );
  }
  if (channels !== inGroup * groups) {
    const inGroups = groups === 1 ? '' : ` in ${groups} groups`;
    throw new ShapeError(
      `conv2d: input has ${channels} channels ${formatShape(x.shape)}, weight wants ${inGroup * groups}${inGroups} ${formatShape(weight.shape)}`,
    );
  }
  if (bias && (bias.rank !== 1 || bias.size !== out)) {
    throw new ShapeError(`conv2d: bias wants ${formatShape([out])}, got ${formatShape(bias.shape)}`);
  }
}

function geometryOf(
  x: Tensor,
  weight: Tensor,
  { stride, padding, dilation }: Windows,
  groups: number,
): Conv2dGeometry {
  const [strideHeight, strideWidth] = stride;
  const [paddingHeight, paddingWidth] = padding;
  const [dilationHeight, dilationWidth] = dilation;
  const [batch, inChannels, inHeight, inWidth] = imageSizes('conv2d', x);
  const [outChannels, , kernelHeight, kernelWidth] = weight.shape;
  const spanHeight = dilationHeight * (kernelHeight - 1) + 1;
  const spanWidth = dilationWidth * (kernelWidth - 1) + 1;
  const [paddedHeight, paddedWidth] = [inHeight + 2 * paddingHeight, inWidth + 2 * paddingWidth];
  if (spanHeight > paddedHeight || spanWidth > paddedWidth) {
    throw new ShapeError(
      `conv2d: the kernel spans ${formatShape([spanHeight, spanWidth])}, the padded input ${formatShape([paddedHeight, paddedWidth])} is smaller`,
    );
  }
  return {
    batch,
    inChannels,
    inHeight,
    inWidth,
    outChannels,
    outHeight: Math.floor((paddedHeight - spanHeight) / strideHeight) + 1,
    outWidth: Math.floor((paddedWidth - spanWidth) / strideWidth) + 1,
    kernelHeight,
    kernelWidth,
    strideHeight,
    strideWidth,
    paddingHeight,
    paddingWidth,
    dilationHeight,
    dilationWidth,
    groups,
  };
}

function conv2dForward(
  [x, weight, bias]: readonly [Tensor, Tensor, Tensor | null],
  windows: Windows,
  groups: number,
  { residual, relu }: Required<Epilogue>,
): Tensor {
  const device = sharedDevice('conv2d', x, weight, bias, residual);
  const geometry = geometryOf(x, weight, windows, groups);
  const shape = [geometry.batch, geometry.outChannels, geometry.outHeight, geometry.outWidth];
  checkResidual('conv2d', residual, shape);
  const [inputShape, weightShape] = [x.shape, weight.shape];
  const epilogue = { residual: residual?.storage ?? null, relu };
  const storage = device.conv2d(x.storage, weight.storage, bias?.storage ?? null, geometry, epilogue);
  const output = new Tensor({ device, storage }, shape);
  return record(output, {
    name: 'conv2d',
    attributes: { ...geometry, relu },
    inputs: [x, weight, bias, residual],
    saved: [weight.requiresGrad ? x : null, x.requiresGrad ? weight : null, relu ? output : null],
    backward: (dOutput, [x, weight, y], [, , wantsBias, wantsResidual]) => {
      const dy = y ? unaryGrad('relu', dOutput, y, 0) : dOutput;
      return [
        weight &&
          new Tensor(
            { device, storage: device.conv2dInputGrad(dy.storage, weight.storage, geometry) },
            inputShape,
          ),
        x &&
          new Tensor(
            { device, storage: device.conv2dWeightGrad(x.storage, dy.storage, geometry) },
            weightShape,
          ),
        wantsBias ? reduce('sum', dy, [0, 2, 3]) : null,
        wantsResidual ? dy : null,
      ];
    },
  });
}
