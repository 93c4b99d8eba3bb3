import * as elementwise from '../../../kernels/gpu/elementwise.ts';
import { type Pointwise, pointwiseProgram } from '../../../kernels/gpu/program/pointwise.ts';
import type { Program } from '../../../kernels/gpu/program/program.ts';
import { reduceChunk, reduceProgram } from '../../../kernels/gpu/reduce.ts';
import { concatProgram, padProgram, stridedProgram, takesOffset } from '../../../kernels/gpu/strided.ts';
import { DeviceError } from '../../errors.ts';
import type * as D from '../device.ts';
import type { Runtime } from './runtime.ts';

/** Values in a runtime's buffer. */
export class GpuStorage<B> implements D.Storage {
  constructor(
    readonly length: number,
    public buffer: B | null,
  ) {}
}

/** Storages on a gpu.js runtime, elementwise functions, reductions, and what moves values about. */
export abstract class GpuCore<B> {
  constructor(protected readonly runtime: Runtime<B>) {}

  get name(): D.GpuMode {
    return this.runtime.mode;
  }

  get description(): string {
    return this.runtime.description;
  }

  /** Kernels compiled so far: a second step of the same training compiles none. */
  get compilations(): number {
    return this.runtime.compilations;
  }

  upload(data: Float32Array): GpuStorage<B> {
    return new GpuStorage(data.length, this.runtime.upload(data));
  }

  read(x: GpuStorage<B>): Promise<Float32Array> {
    return this.runtime.read(this.flat(x));
  }

  readSync(x: GpuStorage<B>): Float32Array {
    return this.runtime.readSync(this.flat(x));
  }

  free(x: GpuStorage<B>): void {
    this.runtime.free(this.flat(x));
    x.buffer = null;
  }

  memory(): { bytesInUse: number; bytesHeld: number } {
    return this.runtime.memory();
  }

  dispose(): Promise<void> {
    return this.runtime.dispose();
  }

  fill(length: number, value: number): GpuStorage<B> {
    return this.pointwise('fill', elementwise.constant, [], [value], length)[0];
  }

  unary(op: D.UnaryOp, x: GpuStorage<B>, alpha: number): GpuStorage<B> {
    const key = `${op}${elementwise.isProduct(op, alpha) ? ` ${alpha}` : ''}`;
    return this.pointwise(key, () => elementwise.unary(op, alpha), [x], [alpha])[0];
  }

  unaryGrad(op: D.UnaryGradOp, dy: GpuStorage<B>, saved: GpuStorage<B>, alpha: number): GpuStorage<B> {
    const key = `${op}Grad${elementwise.isProduct(op, alpha) ? ` ${alpha}` : ''}`;
    return this.pointwise(key, () => elementwise.unaryGrad(op, alpha), [dy, saved], [alpha])[0];
  }

  binary(op: D.BinaryOp, a: GpuStorage<B>, b: GpuStorage<B>, g: D.BroadcastGeometry): GpuStorage<B> {
    const isFlat = g.shape.length === 1 && g.strides.every(([stride]) => stride === 1);
    if (isFlat) return this.pointwise(op, () => elementwise.binary(op), [a, b], [])[0];
    const build = () => elementwise.binaryProgram(op, g, [a.length, b.length]);
    return this.run(sizeOf(g.shape), keyOf(op, g, a.length, b.length), build, [a, b]);
  }

  where(c: GpuStorage<B>, a: GpuStorage<B>, b: GpuStorage<B>, g: D.BroadcastGeometry): GpuStorage<B> {
    const build = () => elementwise.whereProgram(g, [c.length, a.length, b.length]);
    return this.run(sizeOf(g.shape), keyOf('where', g, c.length, a.length, b.length), build, [c, a, b]);
  }

  reduce(op: D.ReduceOp, x: GpuStorage<B>, g: D.ReduceGeometry): GpuStorage<B> {
    const { shape, reduced } = g;
    const axes = reduced.flatMap((is, axis) => (is ? [axis] : []));
    if (axes.length === 0) {
      return op === 'argmax' ? this.fill(x.length, 0) : this.unary('addScalar', x, 0);
    }
    if (op === 'argmax' && axes.length > 1) return this.argmaxOfSeveral(x, g, axes);
    let current = x;
    const sizes = [...shape];
    for (const axis of axes) {
      const outer = sizeOf(sizes.slice(0, axis));
      const next = this.reduceAxis(op, current, outer, sizes[axis], sizeOf(sizes.slice(axis + 1)));
      if (current !== x) this.free(current);
      current = next;
      sizes[axis] = 1;
    }
    return current;
  }

  strided(x: GpuStorage<B>, g: D.StridedGeometry): GpuStorage<B> {
    const { offset, ...layout } = g;
    const free = takesOffset(x.length);
    const key = keyOf('strided', free ? layout : g, x.length);
    return this.run(sizeOf(g.shape), key, () => stridedProgram(g, x.length), [x], free ? [offset] : []);
  }

  pad(x: GpuStorage<B>, g: D.PadGeometry): GpuStorage<B> {
    const length = g.shape.reduce(
      (product, n, a) => product * (g.before[a] + n + Math.max(0, n - 1) * g.interior[a] + g.after[a]),
      1,
    );
    const { value, ...layout } = g;
    return this.run(length, keyOf('pad', layout), () => padProgram(g), [x], [value]);
  }

  concat(xs: readonly GpuStorage<B>[], g: D.ConcatGeometry): GpuStorage<B> {
    const { outer, sizes, inner } = g;
    const most = this.runtime.maxInputs;
    if (xs.length <= most) {
      const length = outer * inner * sizes.reduce((sum, size) => sum + size, 0);
      return this.run(length, keyOf('concat', g), () => concatProgram(g), xs);
    }
    const head = this.concat(xs.slice(0, most), { outer, sizes: sizes.slice(0, most), inner });
    const headSize = head.length / (outer * inner);
    const all = this.concat([head, ...xs.slice(most)], {
      outer,
      sizes: [headSize, ...sizes.slice(most)],
      inner,
    });
    this.free(head);
    return all;
  }

  /** The storage's values in flat, row-major order. */
  protected flat(x: GpuStorage<B>): B {
    if (x.buffer === null) throw new DeviceError(`${this.name}: a storage was used after it was freed`);
    return x.buffer;
  }

  protected run(
    length: number,
    key: string,
    build: () => Program,
    inputs: readonly GpuStorage<B>[],
    scalars?: readonly number[],
  ): GpuStorage<B> {
    const buffers = inputs.map((input) => this.flat(input));
    return new GpuStorage(length, this.runtime.run(key, build, buffers, scalars));
  }

  /** Each result of a pointwise function of tensors of one length. */
  protected pointwise(
    key: string,
    build: () => Pointwise,
    inputs: readonly GpuStorage<B>[],
    scalars: readonly number[],
    length = inputs[0].length,
  ): GpuStorage<B>[] {
    const buffers = inputs.map((input) => this.flat(input));
    if (this.runtime.pointwise) {
      return this.runtime
        .pointwise(key, build, buffers, scalars, length)
        .map((buffer) => new GpuStorage(length, buffer));
    }
    return build().results.map((_, k) => {
      const program = () => pointwiseProgram(build(), k, length);
      return new GpuStorage(length, this.runtime.run(`${key} ${k} ${length}`, program, buffers, scalars));
    });
  }

  /** `[outer, size, inner] -> [outer, inner]`, sums and extremes in as many passes as they need. */
  protected reduceAxis(
    op: D.ReduceOp,
    x: GpuStorage<B>,
    outer: number,
    size: number,
    inner: number,
  ): GpuStorage<B> {
    const chunk = op === 'argmax' ? size : reduceChunk(size, outer * inner);
    const parts = Math.ceil(size / chunk);
    const key = `${op} ${outer},${size},${inner},${chunk}`;
    const build = () => reduceProgram(op, outer, size, inner, chunk);
    const partial = this.run(outer * parts * inner, key, build, [x]);
    if (parts === 1) return partial;
    const total = this.reduceAxis(op, partial, outer, parts, inner);
    this.free(partial);
    return total;
  }

  /** Brings the reduced axes together at the end first: their one index is what argmax gives. */
  private argmaxOfSeveral(x: GpuStorage<B>, g: D.ReduceGeometry, axes: readonly number[]): GpuStorage<B> {
    const kept = g.shape.flatMap((_, axis) => (g.reduced[axis] ? [] : [axis]));
    const order = [...kept, ...axes];
    const strides = contiguous(g.shape);
    const moved = this.strided(x, {
      shape: order.map((axis) => g.shape[axis]),
      strides: order.map((axis) => strides[axis]),
      offset: 0,
    });
    const size = sizeOf(axes.map((axis) => g.shape[axis]));
    const result = this.reduceAxis('argmax', moved, x.length / size, size, 1);
    this.free(moved);
    return result;
  }
}

/** Two calls of one key run one program. */
export function keyOf(op: string, geometry: object, ...rest: readonly (number | boolean)[]): string {
  return `${op} ${JSON.stringify(geometry)} ${rest.join(' ')}`;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function contiguous(shape: readonly number[]): number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}
