/**
 * Matrix products and convolutions in four lanes and kernel maps: operands are packed into textures of four values a
 * texel, a tile of outputs a thread is computed, and the tiles are put together again. Grouped convolutions, and strides
 * beyond what a tile holds, go to `base`.
 */
import type { Conv2dGeometry, Storage } from '../../primitives.ts';
import type { GpuPrimitives } from '../primitives.ts';
import { horizontalAxis, verticalAxis } from '../program/windows.ts';
import { convolveTiles } from './conv2d.ts';
import { planWeightGrad, weightGradParts, weightGradSum } from './conv2d-weight-grad.ts';
import { gemmTiles, type Operand, operandOf, packMatrix, unpackRows } from './gemm.ts';
import { type GlMachine, samePlanes } from './machine.ts';
import { isUnpadded, type PackedImage, packImage, packWeight, unpackTiles } from './pack.ts';
import { bestTiling, forwardAxis, inputGradAxis, pointwiseTiling, type Tiling, withLoop } from './tiling.ts';

type TiledFamily<S extends Storage> = Pick<
  GpuPrimitives<S>,
  'matmul' | 'conv2dForward' | 'conv2dInputGrad' | 'conv2dWeightGrad'
>;

interface Packed<B> {
  readonly packed: B;
  /** Whether it was made for this call only, and is freed after use. */
  readonly temporary: boolean;
}

/** What a convolution, or its input gradient, reads and writes. */
interface Pass<S> {
  readonly direction: 'forward' | 'inputGrad';
  readonly x: S;
  readonly weight: S;
  readonly bias: S | null;
  readonly image: PackedImage;
  /** Channels of the result. */
  readonly channels: number;
  readonly size: readonly [height: number, width: number];
  readonly tiling: Tiling;
}

export function tiledPrimitives<S extends Storage, B extends { readonly length: number }>(
  gl: GlMachine<S, B>,
  base: TiledFamily<S>,
): TiledFamily<S> {
  const { flat } = gl;
  /** Outputs of one kernel map: four by four or eight by four values a thread. */
  const outputs = gl.maxOutputs >= 8 ? 8 : 4;

  function packInput(x: S, image: PackedImage): Packed<B> {
    const held = gl.planesOf(x);
    const planes = { batch: image.batch, channels: image.channels, spatial: image.height * image.width };
    if (!held || !samePlanes(held, planes)) {
      const build = () => packImage(image, false);
      return { packed: gl.run(`pack ${JSON.stringify(image)}`, build, [flat(x)]), temporary: true };
    }
    return gl.withPacked([x], [held], ([packed]) => {
      if (isUnpadded(image)) return { packed, temporary: false };
      const build = () => packImage(image, true);
      return { packed: gl.run(`pad ${JSON.stringify(image)}`, build, [packed]), temporary: true };
    });
  }

  function packOperand(x: S, operand: Operand, k: number, size: number, sizeFirst: boolean): Packed<B> {
    if (!operand.packed) return { packed: flat(x), temporary: false };
    const build = () => packMatrix(operand, k, size, sizeFirst);
    const key = `matrix ${operand.dims} ${k},${size},${sizeFirst}`;
    return { packed: gl.run(key, build, [flat(x)]), temporary: true };
  }

  function release(...all: readonly Packed<B>[]): void {
    for (const { packed, temporary } of all) if (temporary) gl.freeBuffer(packed);
  }

  function convolve(g: Conv2dGeometry, pass: Pass<S>): S {
    const { direction, bias, image, channels, size } = pass;
    const taps = g.kernelHeight * g.kernelWidth;
    const tiling = withLoop(pass.tiling, g.kernelHeight);
    const { height, width } = tiling;
    const key = `${direction} ${JSON.stringify(g)} ${height.tile},${width.tile}`;
    const packedX = packInput(pass.x, image);
    const packedWeight = gl.run(
      `weight ${channels},${image.channels},${taps},${direction}`,
      () => packWeight(channels, image.channels, taps, direction === 'inputGrad'),
      [flat(pass.weight)],
    );
    const build = () => convolveTiles(image, channels, g.kernelWidth, taps, tiling);
    const tiles = gl.runAll(`convolve ${key}`, build, [packedX.packed, packedWeight]);
    release(packedX);
    const result = gl.run(
      `unpack ${key} ${bias !== null}`,
      () => unpackTiles(g.batch, channels, size, tiling, bias !== null),
      bias ? [...tiles, flat(bias)] : tiles,
    );
    for (const buffer of [packedWeight, ...tiles]) gl.freeBuffer(buffer);
    return channels % 4 === 0
      ? gl.fromPacked({ batch: g.batch, channels, spatial: size[0] * size[1] }, result)
      : gl.fromFlat(result);
  }

  /** A 1x1 convolution: the planes are rows of pixels. */
  function convolvePixels(
    g: Conv2dGeometry,
    pass: Pick<Pass<S>, 'direction' | 'x' | 'weight' | 'bias' | 'channels'>,
    inputChannels: number,
  ): S {
    const pixels = g.inHeight * g.inWidth;
    const tiling = pointwiseTiling(outputs, pixels);
    const image = imageOf(g.batch, inputChannels, 1, pixels, tiling);
    return convolve(g, { ...pass, image, size: [1, pixels], tiling });
  }

  return {
    matmul(a, b, bias, g) {
      const rows = g.m > 4 ? outputs : 4;
      const left = operandOf(g.m, g.k, !g.transposeA, g.batchStrideA === 0 ? 1 : g.batch);
      const right = operandOf(g.n, g.k, g.transposeB, g.batchStrideB === 0 ? 1 : g.batch);
      const packedA = packOperand(a, left, g.k, g.m, !g.transposeA);
      const packedB = packOperand(b, right, g.k, g.n, g.transposeB);
      const key = JSON.stringify({ ...g, rows });
      const build = () => gemmTiles(g, left, right, rows);
      const tiles = gl.runAll(`gemm ${key}`, build, [packedA.packed, packedB.packed]);
      release(packedA, packedB);
      const result = gl.run(
        `gemm c ${key} ${bias !== null}`,
        () => unpackRows(g, rows, bias !== null),
        bias ? [...tiles, flat(bias)] : tiles,
      );
      for (const buffer of tiles) gl.freeBuffer(buffer);
      return gl.fromFlat(result, g.batch * g.m * g.n);
    },

    conv2dForward(x, weight, bias, g) {
      const pass = { direction: 'forward', x, weight, bias, channels: g.outChannels } as const;
      if (g.groups === 1 && isPointwise(g)) return convolvePixels(g, pass, g.inChannels);
      const [vertical, horizontal] = [verticalAxis(g), horizontalAxis(g)];
      const tiling =
        g.groups === 1
          ? bestTiling(
              outputs,
              (tile) => forwardAxis(vertical, tile),
              (tile) => forwardAxis(horizontal, tile),
              [1, 1],
            )
          : null;
      if (!tiling) return base.conv2dForward(x, weight, bias, g);
      const image = imageOf(g.batch, g.inChannels, g.inHeight, g.inWidth, tiling);
      return convolve(g, { ...pass, image, size: [g.outHeight, g.outWidth], tiling });
    },

    conv2dInputGrad(dy, weight, g) {
      const pass = { direction: 'inputGrad', x: dy, weight, bias: null, channels: g.inChannels } as const;
      if (g.groups === 1 && isPointwise(g)) return convolvePixels(g, pass, g.outChannels);
      const [vertical, horizontal] = [verticalAxis(g), horizontalAxis(g)];
      const tiling =
        g.groups === 1
          ? bestTiling(
              outputs,
              (tile) => inputGradAxis(vertical, tile),
              (tile) => inputGradAxis(horizontal, tile),
              [g.strideHeight, g.strideWidth],
            )
          : null;
      if (!tiling) return base.conv2dInputGrad(dy, weight, g);
      const image = imageOf(g.batch, g.outChannels, g.outHeight, g.outWidth, tiling);
      return convolve(g, { ...pass, image, size: [g.inHeight, g.inWidth], tiling });
    },

    conv2dWeightGrad(x, dy, g) {
      if (g.groups > 1) return base.conv2dWeightGrad(x, dy, g);
      const plan = planWeightGrad(g, outputs);
      const xTiling = {
        height: forwardAxis(verticalAxis(g), 1),
        width: forwardAxis(horizontalAxis(g), 1),
      };
      const xImage = imageOf(g.batch, g.inChannels, g.inHeight, g.inWidth, xTiling);
      const dyImage: PackedImage = {
        batch: g.batch,
        channels: g.outChannels,
        height: g.outHeight,
        width: g.outWidth,
        beforeHeight: 0,
        beforeWidth: 0,
        packedHeight: g.outHeight,
        packedWidth: g.outWidth,
      };
      const packedX = packInput(x, xImage);
      const packedDy = packInput(dy, dyImage);
      const key = JSON.stringify({ ...g, ...plan });
      const build = () => weightGradParts(g, xImage, dyImage, plan);
      const parts = gl.runAll(`weightGrad ${key}`, build, [packedX.packed, packedDy.packed]);
      const result = gl.run(`weightGrad sum ${key}`, () => weightGradSum(g, plan), parts);
      release(packedX, packedDy);
      for (const buffer of parts) gl.freeBuffer(buffer);
      return gl.fromFlat(result);
    },
  };
}

/** Whether each output pixel depends on one input pixel only. */
function isPointwise(g: Conv2dGeometry): boolean {
  const kernel = g.kernelHeight * g.kernelWidth;
  const stride = g.strideHeight * g.strideWidth;
  return kernel === 1 && stride === 1 && g.paddingHeight === 0 && g.paddingWidth === 0;
}

const imageOf = (
  batch: number,
  channels: number,
  height: number,
  width: number,
  tiling: Pick<Tiling, 'height' | 'width'>,
): PackedImage => ({
  batch,
  channels,
  height,
  width,
  beforeHeight: tiling.height.before,
  beforeWidth: tiling.width.before,
  packedHeight: tiling.height.size,
  packedWidth: tiling.width.size,
});
