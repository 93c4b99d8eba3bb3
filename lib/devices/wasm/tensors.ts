import {
  BINARY,
  FLAT_UNIT,
  flatKernel,
  indexedKernel,
  stepOf,
  UNARY,
  UNARY_GRAD,
  WHERE,
} from '../../../kernels/wasm/elementwise.ts';
import { chunks } from '../../../kernels/wasm/emit/kernel.ts';
import { copyRowsKernel, scatterKernel } from '../../../kernels/wasm/movement.ts';
import { reduceKernel } from '../../../kernels/wasm/reduce.ts';
import type {
  BinaryOp,
  BroadcastGeometry,
  ConcatGeometry,
  MatmulGeometry,
  PadGeometry,
  ReduceGeometry,
  ReduceOp,
  StridedGeometry,
  UnaryGradOp,
  UnaryOp,
} from '../device.ts';
import { CHUNK, WasmCore, type WasmStorage } from './core.ts';
import { runMatmul } from './products.ts';

const product = (sizes: readonly number[]): number => sizes.reduce((total, size) => total * size, 1);

/** Row-major strides over the axes where `counts` is true, and 0 on the others. */
function rowMajor(shape: readonly number[], counts: (axis: number) => boolean = () => true): number[] {
  const strides = shape.map(() => 0);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (!counts(axis)) continue;
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

/** { n0: shape[0], n1: ... }: an argument for each axis. */
const named = (prefix: string, values: readonly number[]): Record<string, number> =>
  Object.fromEntries(values.map((value, axis) => [`${prefix}${axis}`, value]));

/** The primitives of any tensors: elementwise, reductions, movement and products. */
export abstract class WasmTensors extends WasmCore {
  #flat(kernel: ReturnType<typeof flatKernel>, x0: WasmStorage, x1: WasmStorage, alpha: number): WasmStorage {
    const out = this.make(x0.length);
    const { tasks, chunk } = chunks(out.length, CHUNK, FLAT_UNIT);
    this.engine.launch(kernel, tasks, {
      out: out.address,
      x0: this.at(x0),
      x1: this.at(x1),
      length: out.length,
      chunk,
      alpha,
    });
    return out;
  }

  unary(op: UnaryOp, x: WasmStorage, alpha: number): WasmStorage {
    const name = op === 'powScalar' ? (alpha === 2 ? 'square' : 'power') : op;
    return this.#flat(flatKernel(name, 1, UNARY[name]), x, x, alpha);
  }

  unaryGrad(op: UnaryGradOp, dy: WasmStorage, saved: WasmStorage, alpha: number): WasmStorage {
    if (op === 'powScalar' && alpha === 0) return this.unary('mulScalar', dy, 0);
    const name = op === 'powScalar' && alpha === 2 ? 'square' : op;
    return this.#flat(flatKernel(`${name} grad`, 2, UNARY_GRAD[name]), dy, saved, alpha);
  }

  /** An elementwise formula over the geometry's index space. */
  #indexed(
    name: string,
    formula: typeof WHERE,
    operands: readonly { address: number; strides: readonly number[] }[],
    shape: readonly number[],
  ): WasmStorage {
    const rank = shape.length;
    const out = this.make(product(shape));
    if (!out.length) return out;
    const inner = shape[rank - 1];
    const pieces = Math.ceil(inner / CHUNK);
    const piece = Math.ceil(inner / pieces / 4) * 4;
    const total = (out.length / inner) * pieces;
    const { tasks, chunk } = chunks(total, Math.ceil(CHUNK / Math.min(inner, piece)), 1);
    const steps = operands.map(({ strides }) => stepOf(strides[rank - 1]));
    const args: Record<string, number> = {
      out: out.address,
      total,
      units: chunk,
      pieces,
      piece,
      ...named('n', shape),
    };
    operands.forEach(({ address, strides }, operand) => {
      args[`x${operand}`] = address;
      Object.assign(args, named(`s${operand}_`, strides));
    });
    this.engine.launch(indexedKernel(name, steps, rank, formula), tasks, args);
    return out;
  }

  binary(op: BinaryOp, a: WasmStorage, b: WasmStorage, { shape, strides }: BroadcastGeometry): WasmStorage {
    if (shape.length === 1 && strides[0][0] === 1 && strides[1][0] === 1) {
      return this.#flat(flatKernel(op, 2, BINARY[op]), a, b, 0);
    }
    const operands = [a, b].map((x, i) => ({ address: this.at(x), strides: strides[i] }));
    return this.#indexed(op, BINARY[op], operands, shape);
  }

  where(
    condition: WasmStorage,
    a: WasmStorage,
    b: WasmStorage,
    { shape, strides }: BroadcastGeometry,
  ): WasmStorage {
    const operands = [condition, a, b].map((x, i) => ({ address: this.at(x), strides: strides[i] }));
    return this.#indexed('where', WHERE, operands, shape);
  }

  strided(x: WasmStorage, { shape, strides, offset }: StridedGeometry): WasmStorage {
    if (!shape.length) return this.strided(x, { shape: [1], strides: [1], offset });
    return this.#indexed('copy', ([value]) => value, [{ address: this.at(x) + offset * 4, strides }], shape);
  }

  reduce(op: ReduceOp, x: WasmStorage, { shape, reduced }: ReduceGeometry): WasmStorage {
    const rank = shape.length;
    const keptSize = product(shape.filter((_, axis) => !reduced[axis]));
    const out = this.make(keptSize);
    const lastReduced = reduced[rank - 1] ?? true;
    const [sizes, strides] = rank ? [shape, rowMajor(shape)] : [[1], [1]];
    const inner = sizes[sizes.length - 1];
    const total = lastReduced ? keptSize : (keptSize / inner) * Math.ceil(inner / 4);
    if (!total) return out;
    const turns = product(shape) / keptSize / (lastReduced ? inner : 1);
    const { tasks, chunk } = chunks(total, Math.max(1, Math.floor((CHUNK * total) / x.length)), 1);
    this.engine.launch(reduceKernel(op, sizes.length, lastReduced), tasks, {
      x: this.at(x),
      out: out.address,
      total,
      units: chunk,
      turns,
      ...named('n', sizes),
      ...named('s', strides),
    });
    return out;
  }

  pad(x: WasmStorage, { shape, before, after, interior, value }: PadGeometry): WasmStorage {
    const outShape = shape.map(
      (n, axis) => before[axis] + n + Math.max(0, n - 1) * interior[axis] + after[axis],
    );
    const out = this.fill(product(outShape), value);
    const rows = x.length / (shape[shape.length - 1] ?? 1);
    if (!x.length || !shape.length) return out;
    const strides = rowMajor(outShape);
    const first = before.reduce((sum, n, axis) => sum + n * strides[axis], 0);
    const steps = strides.map((stride, axis) => stride * (interior[axis] + 1));
    const { tasks, chunk } = chunks(rows, Math.ceil((CHUNK * rows) / x.length), 1);
    this.engine.launch(scatterKernel(shape.length, steps[shape.length - 1] === 1), tasks, {
      x: this.at(x),
      out: out.address + first * 4,
      total: rows,
      units: chunk,
      ...named('n', shape),
      ...named('s', steps),
    });
    return out;
  }

  concat(xs: readonly WasmStorage[], { outer, sizes, inner }: ConcatGeometry): WasmStorage {
    const rowLength = sizes.reduce((sum, size) => sum + size, 0) * inner;
    const out = this.make(outer * rowLength);
    let first = 0;
    xs.forEach((x, i) => {
      const width = sizes[i] * inner;
      const pieces = Math.ceil(width / CHUNK);
      const total = outer * pieces;
      if (!total) return;
      const piece = Math.ceil(width / pieces);
      const { tasks, chunk } = chunks(total, Math.ceil(CHUNK / piece), 1);
      this.engine.launch(copyRowsKernel, tasks, {
        x: this.at(x),
        out: out.address + first * 4,
        strideX: width,
        strideOut: rowLength,
        width,
        pieces,
        piece,
        total,
        units: chunk,
      });
      first += width;
    });
    return out;
  }

  matmul(a: WasmStorage, b: WasmStorage, bias: WasmStorage | null, g: MatmulGeometry): WasmStorage {
    if (g.k === 0) return this.#noTerms(g, bias);
    const out = this.make(g.batch * g.m * g.n);
    if (!out.length) return out;
    const operands = { a: this.at(a), b: this.at(b), bias: bias && this.at(bias), out: out.address };
    runMatmul(this.engine, operands, g);
    return out;
  }

  /** A product over an empty k: zeros, or the bias. */
  #noTerms({ batch, m, n }: MatmulGeometry, bias: WasmStorage | null): WasmStorage {
    if (!bias) return this.fill(batch * m * n, 0);
    return this.strided(bias, { shape: [batch * m, n], strides: [0, 1], offset: 0 });
  }
}
