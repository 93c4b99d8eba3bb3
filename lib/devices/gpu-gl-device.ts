import { convolveTiles } from '../../kernels/gpu/gl/conv2d.ts';
import { planWeightGrad, weightGradParts, weightGradSum } from '../../kernels/gpu/gl/conv2d-weight-grad.ts';
import { gemmTiles, packMatrix, unpackRows } from '../../kernels/gpu/gl/gemm.ts';
import { type PackedImage, packImage, packWeight, unpackTiles } from '../../kernels/gpu/gl/pack.ts';
import {
  bestTiling,
  forwardAxis,
  inputGradAxis,
  type Tiling,
  withLoop,
} from '../../kernels/gpu/gl/tiling.ts';
import type { Program } from '../../kernels/gpu/program.ts';
import { horizontalAxis, verticalAxis } from '../../kernels/gpu/windows.ts';
import type * as D from './device.ts';
import { GpuDevice, GpuStorage } from './gpu-device.ts';
import type { GlBuffer, GlRuntime } from './gpu-gl.ts';

type Storage = GpuStorage<GlBuffer>;

/**
 * The gpu device on GL: products and convolutions in four lanes and kernel maps. Operands are packed into textures
 * of four values a texel, a tile of outputs a thread is computed, and the tiles are unpacked to one value a texel.
 * Grouped convolutions, and strides beyond what a tile holds, take the programs of all modes.
 */
export class GlDevice extends GpuDevice<GlBuffer> {
  /** Outputs of one kernel map: four by four or eight by four values a thread. */
  private readonly outputs: 4 | 8;

  constructor(private readonly gl: GlRuntime) {
    super(gl);
    this.outputs = gl.maxOutputs >= 8 ? 8 : 4;
  }

  override matmul(a: Storage, b: Storage, bias: Storage | null, g: D.MatmulGeometry): Storage {
    const [batchA, batchB] = [g.batchStrideA, g.batchStrideB].map((stride) => (stride === 0 ? 1 : g.batch));
    const rows = g.m > 4 ? this.outputs : 4;
    const left = this.pack(`gemm a ${batchA},${g.k},${g.m},${g.transposeA}`, a, () =>
      packMatrix(batchA, g.k, g.m, !g.transposeA),
    );
    const right = this.pack(`gemm b ${batchB},${g.k},${g.n},${g.transposeB}`, b, () =>
      packMatrix(batchB, g.k, g.n, g.transposeB),
    );
    const key = JSON.stringify({ ...g, rows });
    const tiles = this.gl.runAll(`gemm ${key}`, () => gemmTiles(g, rows), [left, right]);
    const build = () => unpackRows(g, rows, bias !== null);
    return this.unpack(`gemm c ${key} ${bias !== null}`, build, tiles, bias, [left, right]);
  }

  override conv2d(x: Storage, weight: Storage, bias: Storage | null, g: D.Conv2dGeometry): Storage {
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
    if (!tiling) return super.conv2d(x, weight, bias, g);
    const image = imageOf(g.batch, g.inChannels, g.inHeight, g.inWidth, tiling);
    const size = [g.outHeight, g.outWidth] as const;
    return this.convolve('forward', x, weight, bias, g, image, g.outChannels, size, tiling);
  }

  override conv2dInputGrad(dy: Storage, weight: Storage, g: D.Conv2dGeometry): Storage {
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
      packedX,
      packedDy,
    ]);
    const build = () => weightGradSum(g, plan);
    return this.unpack(`weightGrad sum ${key}`, build, parts, null, [packedX, packedDy]);
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
    const packedWeight = this.pack(`weight ${channels},${image.channels},${taps},${direction}`, weight, () =>
      packWeight(channels, image.channels, taps, direction === 'inputGrad'),
    );
    const build = () => convolveTiles(image, channels, g.kernelWidth, taps, tiling);
    const tiles = this.gl.runAll(`convolve ${key}`, build, [packedX, packedWeight]);
    const buildUnpack = () =>
      unpackTiles(
        g.batch,
        channels,
        size,
        [height.tile, width.tile],
        [height.tiles, width.tiles],
        bias !== null,
      );
    return this.unpack(`unpack ${key} ${bias !== null}`, buildUnpack, tiles, bias, [packedX, packedWeight]);
  }

  private packImage(x: Storage, image: PackedImage): GlBuffer {
    return this.pack(`pack ${JSON.stringify(image)}`, x, () => packImage(image));
  }

  private pack(key: string, x: Storage, build: () => Program): GlBuffer {
    return this.gl.run(key, build, [this.flat(x)]);
  }

  /** Makes a flat storage of what a kernel map left, and frees that and the packed operands. */
  private unpack(
    key: string,
    build: () => Program,
    tiles: readonly GlBuffer[],
    bias: Storage | null,
    operands: readonly GlBuffer[],
  ): Storage {
    const result = this.gl.run(key, build, bias ? [...tiles, this.flat(bias)] : tiles);
    for (const buffer of [...tiles, ...operands]) this.gl.free(buffer);
    return new GpuStorage(result.length, result);
  }
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
