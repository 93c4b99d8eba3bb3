import { convolveTiles } from '../../../../kernels/gpu/gl/conv2d.ts';
import {
  planWeightGrad,
  weightGradParts,
  weightGradSum,
} from '../../../../kernels/gpu/gl/conv2d-weight-grad.ts';
import {
  gemmTiles,
  type Operand,
  operandOf,
  packMatrix,
  unpackRows,
} from '../../../../kernels/gpu/gl/gemm.ts';
import {
  isUnpadded,
  type PackedImage,
  packImage,
  packWeight,
  unpackTiles,
} from '../../../../kernels/gpu/gl/pack.ts';
import {
  bestTiling,
  forwardAxis,
  inputGradAxis,
  pointwiseTiling,
  type Tiling,
  withLoop,
} from '../../../../kernels/gpu/gl/tiling.ts';
import { horizontalAxis, verticalAxis } from '../../../../kernels/gpu/program/windows.ts';
import type * as D from '../../device.ts';
import { GpuStorage } from '../device.ts';
import { LanesDevice, planesOf } from './packed.ts';
import type { GlBuffer, GlRuntime } from './runtime.ts';

type Storage = GpuStorage<GlBuffer>;

/**
 * The gpu device on GL: products and convolutions in four lanes and kernel maps. Operands are packed into textures
 * of four values a texel, a tile of outputs a thread is computed, and the tiles are put together again.
 * Grouped convolutions, and strides beyond what a tile holds, take the programs of all modes.
 */
export class GlDevice extends LanesDevice {
  /** Outputs of one kernel map: four by four or eight by four values a thread. */
  private readonly outputs: 4 | 8;

  constructor(gl: GlRuntime) {
    super(gl);
    this.outputs = gl.maxOutputs >= 8 ? 8 : 4;
  }

  override matmul(a: Storage, b: Storage, bias: Storage | null, g: D.MatmulGeometry): Storage {
    const rows = g.m > 4 ? this.outputs : 4;
    const left = operandOf(g.m, g.k, !g.transposeA, g.batchStrideA === 0 ? 1 : g.batch);
    const right = operandOf(g.n, g.k, g.transposeB, g.batchStrideB === 0 ? 1 : g.batch);
    const packedA = this.packMatrix(a, left, g.k, g.m, !g.transposeA);
    const packedB = this.packMatrix(b, right, g.k, g.n, g.transposeB);
    const key = JSON.stringify({ ...g, rows });
    const build = () => gemmTiles(g, left, right, rows);
    const tiles = this.gl.runAll(`gemm ${key}`, build, [packedA.lanes, packedB.lanes]);
    this.release(packedA, packedB);
    const result = this.gl.run(
      `gemm c ${key} ${bias !== null}`,
      () => unpackRows(g, rows, bias !== null),
      bias ? [...tiles, this.flat(bias)] : tiles,
    );
    for (const buffer of tiles) this.gl.free(buffer);
    return new GpuStorage(g.batch * g.m * g.n, result);
  }

  protected override correlate(
    x: Storage,
    weight: Storage,
    bias: Storage | null,
    g: D.Conv2dGeometry,
  ): Storage {
    if (g.groups === 1 && isPointwise(g)) {
      return this.convolvePixels('forward', x, weight, bias, g, g.inChannels, g.outChannels);
    }
    const [vertical, horizontal] = [verticalAxis(g), horizontalAxis(g)];
    const tiling =
      g.groups === 1
        ? bestTiling(
            this.outputs,
            (tile) => forwardAxis(vertical, tile),
            (tile) => forwardAxis(horizontal, tile),
            [1, 1],
          )
        : null;
    if (!tiling) return super.correlate(x, weight, bias, g);
    const image = imageOf(g.batch, g.inChannels, g.inHeight, g.inWidth, tiling);
    const size = [g.outHeight, g.outWidth] as const;
    return this.convolve('forward', x, weight, bias, g, image, g.outChannels, size, tiling);
  }

  override conv2dInputGrad(dy: Storage, weight: Storage, g: D.Conv2dGeometry): Storage {
    if (g.groups === 1 && isPointwise(g)) {
      return this.convolvePixels('inputGrad', dy, weight, null, g, g.outChannels, g.inChannels);
    }
    const [vertical, horizontal] = [verticalAxis(g), horizontalAxis(g)];
    const tiling =
      g.groups === 1
        ? bestTiling(
            this.outputs,
            (tile) => inputGradAxis(vertical, tile),
            (tile) => inputGradAxis(horizontal, tile),
            [g.strideHeight, g.strideWidth],
          )
        : null;
    if (!tiling) return super.conv2dInputGrad(dy, weight, g);
    const image = imageOf(g.batch, g.outChannels, g.outHeight, g.outWidth, tiling);
    const size = [g.inHeight, g.inWidth] as const;
    return this.convolve('inputGrad', dy, weight, null, g, image, g.inChannels, size, tiling);
  }

  override conv2dWeightGrad(x: Storage, dy: Storage, g: D.Conv2dGeometry): Storage {
    if (g.groups > 1) return super.conv2dWeightGrad(x, dy, g);
    const plan = planWeightGrad(g, this.outputs);
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
    const packedX = this.packImage(x, xImage);
    const packedDy = this.packImage(dy, dyImage);
    const key = JSON.stringify({ ...g, ...plan });
    const parts = this.gl.runAll(`weightGrad ${key}`, () => weightGradParts(g, xImage, dyImage, plan), [
      packedX.lanes,
      packedDy.lanes,
    ]);
    const result = this.gl.run(`weightGrad sum ${key}`, () => weightGradSum(g, plan), parts);
    this.release(packedX, packedDy);
    for (const buffer of parts) this.gl.free(buffer);
    return new GpuStorage(result.length, result);
  }

  private convolvePixels(
    direction: 'forward' | 'inputGrad',
    x: Storage,
    weight: Storage,
    bias: Storage | null,
    g: D.Conv2dGeometry,
    reduced: number,
    channels: number,
  ): Storage {
    const pixels = g.inHeight * g.inWidth;
    const tiling = pointwiseTiling(this.outputs, pixels);
    const image = imageOf(g.batch, reduced, 1, pixels, tiling);
    return this.convolve(direction, x, weight, bias, g, image, channels, [1, pixels], tiling);
  }

  private convolve(
    direction: 'forward' | 'inputGrad',
    x: Storage,
    weight: Storage,
    bias: Storage | null,
    g: D.Conv2dGeometry,
    image: PackedImage,
    channels: number,
    size: readonly [number, number],
    unrolled: Tiling,
  ): Storage {
    const taps = g.kernelHeight * g.kernelWidth;
    const tiling = withLoop(unrolled, g.kernelHeight);
    const { height, width } = tiling;
    const key = `${direction} ${JSON.stringify(g)} ${height.tile},${width.tile}`;
    const packedX = this.packImage(x, image);
    const packedWeight = this.gl.run(
      `weight ${channels},${image.channels},${taps},${direction}`,
      () => packWeight(channels, image.channels, taps, direction === 'inputGrad'),
      [this.flat(weight)],
    );
    const build = () => convolveTiles(image, channels, g.kernelWidth, taps, tiling);
    const tiles = this.gl.runAll(`convolve ${key}`, build, [packedX.lanes, packedWeight]);
    this.release(packedX);
    const result = this.gl.run(
      `unpack ${key} ${bias !== null}`,
      () => unpackTiles(g.batch, channels, size, tiling, bias !== null),
      bias ? [...tiles, this.flat(bias)] : tiles,
    );
    for (const buffer of [packedWeight, ...tiles]) this.gl.free(buffer);
    return channels % 4 === 0
      ? this.keep({ batch: g.batch, channels, spatial: size[0] * size[1] }, result)
      : new GpuStorage(result.length, result);
  }

  private packImage(x: Storage, image: PackedImage): Packed {
    const held = planesOf(x);
    const { batch, channels, height, width } = image;
    const spatial = height * width;
    const fits = held?.batch === batch && held.channels === channels && held.spatial === spatial;
    if (!fits) {
      const build = () => packImage(image, false);
      return { lanes: this.gl.run(`pack ${JSON.stringify(image)}`, build, [this.flat(x)]), temporary: true };
    }
    return this.withLanes([x], [held], ([lanes]) => {
      if (isUnpadded(image)) return { lanes, temporary: false };
      const build = () => packImage(image, true);
      return { lanes: this.gl.run(`pad ${JSON.stringify(image)}`, build, [lanes]), temporary: true };
    });
  }

  private packMatrix(x: Storage, operand: Operand, k: number, size: number, sizeFirst: boolean): Packed {
    const flat = this.flat(x);
    if (!operand.packed) return { lanes: flat, temporary: false };
    const build = () => packMatrix(operand, k, size, sizeFirst);
    const key = `matrix ${operand.dims} ${k},${size},${sizeFirst}`;
    return { lanes: this.gl.run(key, build, [flat]), temporary: true };
  }

  private release(...packed: readonly Packed[]): void {
    for (const { lanes, temporary } of packed) if (temporary) this.gl.free(lanes);
  }
}

interface Packed {
  readonly lanes: GlBuffer;
  /** Not a storage's own: to be freed after use. */
  readonly temporary: boolean;
}

/** Whether each pixel is for itself. */
function isPointwise(g: D.Conv2dGeometry): boolean {
  const kernel = g.kernelHeight * g.kernelWidth;
  const stride = g.strideHeight * g.strideWidth;
  return kernel === 1 && stride === 1 && g.paddingHeight === 0 && g.paddingWidth === 0;
}

function imageOf(
  batch: number,
  channels: number,
  height: number,
  width: number,
  tiling: Tiling,
): PackedImage {
  return {
    batch,
    channels,
    height,
    width,
    beforeHeight: tiling.height.before,
    beforeWidth: tiling.width.before,
    packedHeight: tiling.height.size,
    packedWidth: tiling.width.size,
  };
}
