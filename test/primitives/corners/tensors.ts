/** Long and narrow reductions, and each way of moving values. */
import { REDUCE_OPS } from '../../../lib/devices/device.ts';
import type { Case } from '../case.ts';
import { between, pick, wide as values } from '../drawing.ts';
import { broadcast, contiguous, shapeOf, size } from './shapes.ts';

const reduce: Case[] = REDUCE_OPS.flatMap((op) => [
  {
    name: `${op} of alternating axes`,
    run(device, random) {
      const shape = shapeOf(random, 5, 7);
      const first = random.random() < 0.5;
      const reduced = shape.map((_, axis) => (axis % 2 === 0) === first);
      return [device.reduce(op, device.upload(values(random, size(shape))), { shape, reduced })];
    },
  },
  {
    name: `${op} of many`,
    run(device, random) {
      const n = between(random, 3000, 70000);
      const x = values(random, n, 0, 1);
      for (let i = 0; i < n; i += 7) x[i] = 0.5;
      return [device.reduce(op, device.upload(x), { shape: [n], reduced: [true] })];
    },
  },
  {
    name: `${op} of columns`,
    run(device, random) {
      const shape = [between(random, 300, 1200), between(random, 1, 9)];
      return [
        device.reduce(op, device.upload(values(random, size(shape))), { shape, reduced: [true, false] }),
      ];
    },
  },
]);

const layout: Case[] = [
  {
    name: 'where',
    run(device, random) {
      const { geometry, lengths } = broadcast(random, 3);
      const condition = values(random, lengths[0]).map((v) => (v > 0 ? 1 : 0));
      const [a, b] = [lengths[1], lengths[2]].map((length) => device.upload(values(random, length)));
      return [device.where(device.upload(condition), a, b, geometry)];
    },
  },
  { name: 'fill', run: (device, random) => [device.fill(between(random, 1, 999), random.random())] },
  {
    name: 'strided: a permutation',
    run(device, random) {
      const shape = Array.from({ length: between(random, 1, 6) }, () => between(random, 1, 5));
      const order = shape.map((_, axis) => axis);
      for (let i = order.length - 1; i > 0; i--) {
        const j = between(random, 0, i);
        [order[i], order[j]] = [order[j], order[i]];
      }
      const strides = contiguous(shape);
      const x = device.upload(values(random, size(shape)));
      const geometry = {
        shape: order.map((a) => shape[a]),
        strides: order.map((a) => strides[a]),
        offset: 0,
      };
      return [device.strided(x, geometry)];
    },
  },
  {
    name: 'strided: a slice, flipped here and there, expanded',
    run(device, random) {
      const from = shapeOf(random, 4, 8);
      let offset = 0;
      const shape: number[] = [];
      const strides: number[] = [];
      contiguous(from).forEach((stride, axis) => {
        const n = between(random, 1, from[axis]);
        const start = between(random, 0, from[axis] - n);
        const flip = random.random() < 0.4;
        offset += (flip ? start + n - 1 : start) * stride;
        shape.push(n);
        strides.push(flip ? -stride : stride);
        if (random.random() < 0.3) {
          shape.push(between(random, 1, 3));
          strides.push(0);
        }
      });
      return [device.strided(device.upload(values(random, size(from))), { shape, strides, offset })];
    },
  },
  {
    name: 'pad',
    run(device, random) {
      const shape = shapeOf(random, 5, 5);
      const some = () => shape.map(() => pick(random, [0, 0, 1, 2]));
      const geometry = { shape, before: some(), after: some(), interior: some(), value: random.random() };
      return [device.pad(device.upload(values(random, size(shape))), geometry)];
    },
  },
  ...[2, 5, 20].map(
    (count): Case => ({
      name: `concat of ${count}`,
      run(device, random) {
        const [outer, inner] = [between(random, 1, 5), between(random, 1, 6)];
        const sizes = Array.from({ length: count }, () => between(random, 1, 4));
        const xs = sizes.map((n) => device.upload(values(random, outer * n * inner)));
        return [device.concat(xs, { outer, sizes, inner })];
      },
    }),
  ),
];

const matmul: Case[] = [0, 1, 2, 3].flatMap((transposes) =>
  [false, true].map((batched) => ({
    name: `matmul${transposes & 1 ? ' a^T' : ''}${transposes & 2 ? ' b^T' : ''}${batched ? ' batched' : ''}`,
    run(device, random) {
      const [m, n, k] = [between(random, 1, 40), between(random, 1, 40), between(random, 1, 70)];
      const batch = batched ? between(random, 2, 4) : 1;
      const shared = batched && random.random() < 0.5;
      const a = device.upload(values(random, batch * m * k));
      const b = device.upload(values(random, (shared ? 1 : batch) * k * n));
      const bias = random.random() < 0.5 ? device.upload(values(random, n)) : null;
      const geometry = {
        ...{ batch, m, n, k, transposeA: (transposes & 1) > 0, transposeB: (transposes & 2) > 0 },
        ...{ batchStrideA: m * k, batchStrideB: shared ? 0 : k * n },
      };
      return [device.matmul(a, b, bias, geometry)];
    },
  })),
);

export const TENSOR_CORNERS: readonly Case[] = [...reduce, ...layout, ...matmul];
