import type { BroadcastGeometry, Storage, UnaryOp } from '../../primitives.ts';
import type { Family, Machine } from '../machine.ts';
import { CHUNK, ceilTo, chunks, namedAxes, product } from '../tasks.ts';
import {
  BINARY,
  flatKernel,
  indexedKernel,
  LINE_VALUES,
  sizeName,
  stepOf,
  strideName,
  UNARY,
  UNARY_GRAD,
  WHERE,
} from './kernels.ts';

/** What an elementwise formula reads: its storages, and the strides of each over the output's shape. */
interface IndexSpace extends BroadcastGeometry {
  /** Values before each operand's first. */
  readonly offsets?: readonly number[];
}

/** out[i] = formula(x0[i], x1[i], ...) over an index space with broadcasting. */
export function launchIndexed<S extends Storage>(
  { launcher, allocate, addressOf }: Machine<S>,
  name: string,
  formula: typeof WHERE,
  xs: readonly S[],
  { shape, strides, offsets }: IndexSpace,
): S {
  const rank = shape.length;
  const out = allocate(product(shape));
  const inner = shape[rank - 1];
  const rowChunks = Math.ceil(inner / CHUNK);
  const chunkLength = ceilTo(Math.ceil(inner / rowChunks), 4);
  const total = (out.length / inner) * rowChunks;
  const { tasks, chunk } = chunks(total, Math.ceil(CHUNK / Math.min(inner, chunkLength)), 1);
  const args: Record<string, number> = {
    out: addressOf(out),
    total,
    itemsPerTask: chunk,
    rowChunks,
    chunkLength,
    ...namedAxes(sizeName, shape),
  };
  xs.forEach((x, operand) => {
    args[`x${operand}`] = addressOf(x) + 4 * (offsets?.[operand] ?? 0);
    Object.assign(
      args,
      namedAxes((axis) => strideName(operand, axis), strides[operand]),
    );
  });
  const steps = strides.map((axes) => stepOf(axes[rank - 1]));
  launcher.launch(indexedKernel(name, steps, rank, formula), tasks, args);
  return out;
}

export function elementwise<S extends Storage>(
  machine: Machine<S>,
): Family<S, 'unary' | 'unaryGrad' | 'binary' | 'where'> {
  const { launcher, allocate, addressOf } = machine;

  function launchFlat(kernel: ReturnType<typeof flatKernel>, x0: S, x1: S, alpha: number): S {
    const out = allocate(x0.length);
    const { tasks, chunk } = chunks(out.length, CHUNK, LINE_VALUES);
    launcher.launch(kernel, tasks, {
      out: addressOf(out),
      x0: addressOf(x0),
      x1: addressOf(x1),
      length: out.length,
      chunk,
      alpha,
    });
    return out;
  }

  function unary(op: UnaryOp, x: S, alpha: number): S {
    const name = op === 'powScalar' ? (alpha === 2 ? 'square' : 'power') : op;
    return launchFlat(flatKernel(name, 1, UNARY[name]), x, x, alpha);
  }

  return {
    unary,
    unaryGrad(op, dy, saved, alpha) {
      if (op === 'powScalar' && alpha === 0) return unary('mulScalar', dy, 0);
      const name = op === 'powScalar' && alpha === 2 ? 'square' : op;
      return launchFlat(flatKernel(`${name} grad`, 2, UNARY_GRAD[name]), dy, saved, alpha);
    },
    binary(op, a, b, geometry) {
      const { shape, strides } = geometry;
      const isFlat = shape.length === 1 && strides[0][0] === 1 && strides[1][0] === 1;
      if (isFlat) return launchFlat(flatKernel(op, 2, BINARY[op]), a, b, 0);
      return launchIndexed(machine, op, BINARY[op], [a, b], geometry);
    },
    where: (condition, a, b, geometry) => launchIndexed(machine, 'where', WHERE, [condition, a, b], geometry),
  };
}
