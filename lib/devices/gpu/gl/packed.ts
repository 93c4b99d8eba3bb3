import { channelParts } from '../../../../kernels/gpu/batch-norm.ts';
import { binaryBody, isProduct, unaryBody, unaryGradBody } from '../../../../kernels/gpu/elementwise.ts';
import * as norm from '../../../../kernels/gpu/gl/batch-norm.ts';
import {
  concatLanes,
  flattenLanes,
  lanewise,
  type Planes,
  sliceLanes,
  texelsOf,
} from '../../../../kernels/gpu/gl/lanes.ts';
import { packImage } from '../../../../kernels/gpu/gl/pack.ts';
import * as pool from '../../../../kernels/gpu/gl/pool.ts';
import type { Program } from '../../../../kernels/gpu/program/program.ts';
import type { PlainBatchNormGeometry } from '../../composed/batch-norm.ts';
import type * as D from '../../device.ts';
import { GpuDevice, GpuStorage } from '../device.ts';
import type { GlBuffer, GlRuntime } from './runtime.ts';

type Storage = GpuStorage<GlBuffer>;

/** A tensor kept in lanes: four channels a texel. Its flat form is made when an op asks for it, and kept beside. */
export class LanesStorage extends GpuStorage<GlBuffer> {
  constructor(
    readonly planes: Planes,
    public lanes: GlBuffer | null,
  ) {
    super(planes.batch * planes.channels * planes.spatial, null);
  }
}

/**
 * The gpu device on GL, with activations in lanes: what convolutions leave in lanes stays there through elementwise
 * ops, batch norm, pooling and concatenation, four values a fetch. Every other op sees the flat form.
 */
export class LanesDevice extends GpuDevice<GlBuffer> {
  constructor(protected readonly gl: GlRuntime) {
    super(gl);
  }

  override free(x: Storage): void {
    if (!(x instanceof LanesStorage) || !x.lanes) {
      super.free(x);
      return;
    }
    this.gl.free(x.lanes);
    x.lanes = null;
    if (x.buffer) super.free(x);
  }

  override async read(x: Storage): Promise<Float32Array> {
    return this.readSync(x);
  }

  override readSync(x: Storage): Float32Array {
    if (!(x instanceof LanesStorage) || !x.lanes) return super.readSync(x);
    const texels = this.gl.readSync(x.lanes);
    const values = new Float32Array(x.length);
    const { spatial } = x.planes;
    for (let i = 0; i < values.length; i += spatial * 4) {
      for (let place = 0; place < spatial; place++) {
        const from = i + place * 4;
        for (let lane = 0; lane < 4; lane++) values[i + lane * spatial + place] = texels[from + lane];
      }
    }
    return values;
  }

  protected override flat(x: Storage): GlBuffer {
    if (x instanceof LanesStorage && !x.buffer && x.lanes) {
      const { planes } = x;
      x.buffer = this.gl.run(`flatten ${planesKey(planes)}`, () => flattenLanes(planes), [x.lanes]);
    }
    return super.flat(x);
  }

  override unary(op: D.UnaryOp, x: Storage, alpha: number): Storage {
    const planes = planesOf(x);
    if (!planes) return super.unary(op, x, alpha);
    const key = isProduct(op, alpha) ? `${op} ${alpha}` : op;
    const build = () => lanewise(texelsOf(planes), ['v'], ['alpha'], unaryBody(op, alpha));
    return this.lanewise(key, planes, build, [x], [alpha]);
  }

  override unaryGrad(op: D.UnaryGradOp, dy: Storage, saved: Storage, alpha: number): Storage {
    const planes = planesOf(dy, saved);
    if (!planes) return super.unaryGrad(op, dy, saved, alpha);
    const key = isProduct(op, alpha) ? `${op}Grad ${alpha}` : `${op}Grad`;
    const build = () => lanewise(texelsOf(planes), ['g', 'v'], ['alpha'], unaryGradBody(op, alpha));
    return this.lanewise(key, planes, build, [dy, saved], [alpha]);
  }

  override binary(op: D.BinaryOp, a: Storage, b: Storage, g: D.BroadcastGeometry): Storage {
    const same = g.shape.length === 1 && g.strides.every(([stride]) => stride === 1);
    const planes = same ? planesOf(a, b) : null;
    if (!planes) return super.binary(op, a, b, g);
    const build = () => lanewise(texelsOf(planes), ['va', 'vb'], [], binaryBody(op));
    return this.lanewise(op, planes, build, [a, b], []);
  }

  override concat(xs: readonly Storage[], g: D.ConcatGeometry): Storage {
    const fits =
      xs.length <= this.gl.maxInputs &&
      xs.some((x) => planesOf(x)) &&
      g.sizes.every((size) => size % 4 === 0);
    const planes = xs.map((_, i) => ({ batch: g.outer, channels: g.sizes[i], spatial: g.inner }));
    const agree = xs.every((x, i) => {
      const held = planesOf(x);
      return !held || samePlanes(held, planes[i]);
    });
    if (!fits || !agree) return super.concat(xs, g);
    const whole = { ...planes[0], channels: g.sizes.reduce((sum, size) => sum + size, 0) };
    const build = () => concatLanes(g.outer, g.sizes, g.inner);
    return this.withLanes(xs, planes, (lanes) =>
      this.keep(whole, this.gl.run(`concat lanes ${g.outer},${g.sizes},${g.inner}`, build, lanes)),
    );
  }

  override strided(x: Storage, g: D.StridedGeometry): Storage {
    const planes = planesOf(x);
    const slice = planes ? channelSlice(planes, g) : null;
    if (!planes || !slice) return super.strided(x, g);
    const { first, channels } = slice;
    const build = () => sliceLanes(planes, channels);
    return this.withLanes([x], [planes], (lanes) =>
      this.keep(
        { ...planes, channels },
        this.gl.run(`slice ${planesKey(planes)} ${channels}`, build, lanes, [first / 4]),
      ),
    );
  }

  override maxPool2d(x: Storage, g: D.MaxPool2dGeometry): { output: Storage; indices: Storage } {
    const planes = planesOf(x);
    if (!planes) return super.maxPool2d(x, g);
    return this.withLanes([x], [planes], (lanes) => {
      const build = () => pool.maxPool2dLanes(g);
      const [output, indices] = this.gl.runAll(`maxPool2d lanes ${JSON.stringify(g)}`, build, lanes);
      return { output: this.keep(outputPlanes(g), output), indices: this.keep(outputPlanes(g), indices) };
    });
  }

  override maxPool2dGrad(dy: Storage, indices: Storage, g: D.MaxPool2dGeometry): Storage {
    if (!planesOf(indices)) return super.maxPool2dGrad(dy, indices, g);
    return this.pool('maxPool2dGrad', [dy, indices], inputPlanes(g), g, () => pool.maxPool2dGradLanes(g));
  }

  override avgPool2d(x: Storage, g: D.AvgPool2dGeometry): Storage {
    if (!planesOf(x)) return super.avgPool2d(x, g);
    return this.withLanes([x], [inputPlanes(g)], (lanes) => {
      const build = () => pool.avgPool2dLanes(g);
      return this.keep(outputPlanes(g), this.gl.run(`avgPool2d lanes ${JSON.stringify(g)}`, build, lanes));
    });
  }

  override avgPool2dGrad(dy: Storage, g: D.AvgPool2dGeometry): Storage {
    if (!planesOf(dy)) return super.avgPool2dGrad(dy, g);
    return this.pool('avgPool2dGrad', [dy], inputPlanes(g), g, () => pool.avgPool2dGradLanes(g));
  }

  override batchNormStatistics(x: Storage, g: D.ChannelGeometry): { mean: Storage; variance: Storage } {
    if (!planesOf(x)) return super.batchNormStatistics(x, g);
    return this.withLanes([x], [g], ([lanes]) => {
      const factor = 1 / (g.batch * g.spatial);
      const total = (sums: GlBuffer) => this.total(g, false, sums, [], [factor]);
      const [sums] = this.sums('x', g, [lanes]);
      const mean = total(sums);
      const [squares] = this.sums('squaredDeviation', g, [lanes, this.flat(mean)]);
      return { mean, variance: total(squares) };
    });
  }

  override normalize(
    x: Storage,
    mean: Storage,
    variance: Storage,
    weight: Storage | null,
    bias: Storage | null,
    g: PlainBatchNormGeometry,
  ): Storage {
    if (!planesOf(x)) return super.normalize(x, mean, variance, weight, bias, g);
    const inputs = [mean, variance, weight, bias].filter((s) => s !== null).map((s) => this.flat(s));
    const coefficients = this.gl.runAll(
      `norm lanes ${g.channels} ${weight !== null} ${bias !== null}`,
      () => norm.normLanes(g.channels, weight !== null, bias !== null),
      inputs,
      [g.eps],
    );
    return this.withLanes([x], [g], (lanes) => {
      const build = () => norm.batchNormLanes(g);
      const y = this.gl.run(`batchNorm lanes ${planesKey(g)}`, build, [...lanes, ...coefficients]);
      for (const buffer of coefficients) this.gl.free(buffer);
      return this.keep(g, y);
    });
  }

  override normalizeGrad(
    dy: Storage,
    x: Storage,
    mean: Storage,
    variance: Storage,
    weight: Storage | null,
    training: boolean,
    g: PlainBatchNormGeometry,
  ): { input: Storage; weight: Storage; bias: Storage } {
    if (!training || !planesOf(x, dy)) {
      return super.normalizeGrad(dy, x, mean, variance, weight, training, g);
    }
    return this.withLanes([x, dy], [g, g], ([xLanes, dyLanes]) => {
      const [products, gradients] = this.sums('product', g, [xLanes, dyLanes, this.flat(mean)]);
      const dBias = this.total(g, false, gradients, [], [1]);
      const dWeight = this.total(g, true, products, [this.flat(variance)], [g.eps]);
      const perChannel = [mean, variance, dWeight, dBias, weight].filter((s) => s !== null);
      const coefficients = this.gl.runAll(
        `inputGrad lanes ${planesKey(g)} ${weight !== null}`,
        () => norm.inputGradLanes(g, weight !== null),
        perChannel.map((s) => this.flat(s)),
        [g.eps],
      );
      const build = () => norm.batchNormInputGradLanes(g);
      const inputs = [dyLanes, xLanes, ...coefficients];
      const input = this.gl.run(`batchNormInputGrad lanes ${planesKey(g)}`, build, inputs);
      for (const buffer of coefficients) this.gl.free(buffer);
      return { input: this.keep(g, input), weight: dWeight, bias: dBias };
    });
  }

  protected keep({ batch, channels, spatial }: Planes, lanes: GlBuffer): LanesStorage {
    return new LanesStorage({ batch, channels, spatial }, lanes);
  }

  /** Calls `use` with the storages in lanes; those that were not are packed for that long. */
  protected withLanes<T>(
    xs: readonly Storage[],
    planes: readonly Planes[],
    use: (lanes: GlBuffer[]) => T,
  ): T {
    const packed: GlBuffer[] = [];
    const lanes = xs.map((x, i) => {
      if (x instanceof LanesStorage && x.lanes && samePlanes(x.planes, planes[i])) return x.lanes;
      const { batch, channels, spatial } = planes[i];
      const image = {
        batch,
        channels,
        height: 1,
        width: spatial,
        beforeHeight: 0,
        beforeWidth: 0,
        packedHeight: 1,
        packedWidth: spatial,
      };
      const key = `lanes ${planesKey(planes[i])}`;
      const buffer = this.gl.run(key, () => packImage(image, false), [this.flat(x)]);
      packed.push(buffer);
      return buffer;
    });
    const result = use(lanes);
    for (const buffer of packed) this.gl.free(buffer);
    return result;
  }

  private lanewise(
    key: string,
    planes: Planes,
    build: () => Program,
    xs: readonly Storage[],
    scalars: readonly number[],
  ): Storage {
    const same = xs.map(() => planes);
    return this.withLanes(xs, same, (lanes) =>
      this.keep(planes, this.gl.run(`${key} lanes ${texelsOf(planes)}`, build, lanes, scalars)),
    );
  }

  /** A pooling gradient: from lanes of the output's planes to those of the input's. */
  private pool(
    name: string,
    xs: readonly Storage[],
    result: Planes,
    g: D.Pool2dGeometry,
    build: () => Program,
  ): Storage {
    const planes = xs.map(() => outputPlanes(g));
    return this.withLanes(xs, planes, (lanes) =>
      this.keep(result, this.gl.run(`${name} lanes ${JSON.stringify(g)}`, build, lanes)),
    );
  }

  private sums(
    term: 'x' | 'squaredDeviation' | 'product',
    g: D.ChannelGeometry,
    inputs: GlBuffer[],
  ): GlBuffer[] {
    const build = () => norm.channelSumsLanes(term, g);
    return this.gl.runAll(`channelSums ${term} lanes ${planesKey(g)}`, build, inputs);
  }

  private total(
    g: D.ChannelGeometry,
    deviation: boolean,
    sums: GlBuffer,
    inputs: readonly GlBuffer[],
    scalars: readonly number[],
  ): Storage {
    const name = `channelTotals lanes ${g.batch},${g.channels},${channelParts(g)} ${deviation}`;
    const build = () => norm.channelTotalsLanes(g, deviation);
    const result = this.gl.run(name, build, [sums, ...inputs], scalars);
    this.gl.free(sums);
    return new GpuStorage(g.channels, result);
  }
}

/** The planes of the first storage that is kept in lanes. */
export function planesOf(...xs: readonly Storage[]): Planes | null {
  const held = xs.find((x) => x instanceof LanesStorage);
  return held instanceof LanesStorage ? held.planes : null;
}

function samePlanes(a: Planes, b: Planes): boolean {
  return a.batch === b.batch && a.channels === b.channels && a.spatial === b.spatial;
}

function planesKey({ batch, channels, spatial }: Planes): string {
  return `${batch},${channels},${spatial}`;
}

function inputPlanes(g: D.Pool2dGeometry): Planes {
  return { batch: g.batch, channels: g.channels, spatial: g.inHeight * g.inWidth };
}

function outputPlanes(g: D.Pool2dGeometry): Planes {
  return { batch: g.batch, channels: g.channels, spatial: g.outHeight * g.outWidth };
}

/** The channels that a view takes of an image in lanes, if whole texels of whole planes are what it takes. */
function channelSlice(x: Planes, g: D.StridedGeometry): { first: number; channels: number } | null {
  let row = 1;
  let axis = g.shape.length;
  // The trailing axes that lie close together: all of them, or all but the batch.
  while (axis > 0 && g.strides[axis - 1] === row) row *= g.shape[--axis];
  const image = x.channels * x.spatial;
  const isRow = axis === 0 && x.batch === 1 && row <= image;
  if (!isRow && !(axis === 1 && g.shape[0] === x.batch && g.strides[0] === image)) return null;
  const [channels, first] = [row / x.spatial, g.offset / x.spatial];
  return channels % 4 === 0 && first % 4 === 0 ? { first, channels } : null;
}
