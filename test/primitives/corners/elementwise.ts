/** Every elementwise op at the numbers that have formulas of their own. */
import { BINARY_OPS, UNARY_GRAD_OPS, UNARY_OPS } from '../../../lib/devices/device.ts';
import type { Case } from '../case.ts';
import { between, wide as values } from '../drawing.ts';
import { broadcast } from './shapes.ts';

const POSITIVE = new Set<string>(['log', 'sqrt', 'reciprocal']);
const ALPHAS: Partial<Record<string, readonly number[]>> = {
  leakyRelu: [0.1],
  addScalar: [1.5, -2],
  mulScalar: [-0.5],
  powScalar: [-2, -1, 0, 0.5, 1, 2, 3, 4, 5, 2.5, -1.5],
  maxScalar: [0.25],
  minScalar: [0.25],
};

const unary: Case[] = UNARY_OPS.flatMap((op) =>
  (ALPHAS[op] ?? [0]).map((alpha) => ({
    name: `${op}${ALPHAS[op] ? ` ${alpha}` : ''}`,
    run(device, random) {
      const positive = POSITIVE.has(op) || (op === 'powScalar' && !Number.isInteger(alpha));
      const x = values(random, between(random, 1, 700), positive ? 0.05 : -4, 4);
      if (op === 'powScalar' && alpha < 0) for (let i = 0; i < x.length; i++) x[i] += Math.sign(x[i]) * 0.2;
      return [device.unary(op, device.upload(x), alpha)];
    },
  })),
);

const unaryGrad: Case[] = UNARY_GRAD_OPS.flatMap((op) =>
  (ALPHAS[op] ?? [0]).map((alpha) => ({
    name: `${op}Grad${ALPHAS[op] ? ` ${alpha}` : ''}`,
    run(device, random) {
      const n = between(random, 1, 700);
      const positive = POSITIVE.has(op) || op === 'powScalar';
      const dy = device.upload(values(random, n));
      return [device.unaryGrad(op, dy, device.upload(values(random, n, positive ? 0.2 : -2, 2)), alpha)];
    },
  })),
);

const binary: Case[] = BINARY_OPS.flatMap((op) => [
  {
    name: `${op} of equal shapes`,
    run(device, random) {
      const n = between(random, 1, 900);
      const a = values(random, n, op === 'pow' ? 0.1 : -2, 2);
      const b = values(random, n, op === 'div' ? 0.3 : -2, 2);
      for (let i = 0; i < n; i += 3) b[i] = op === 'div' || op === 'pow' ? b[i] : a[i];
      return [device.binary(op, device.upload(a), device.upload(b), { shape: [n], strides: [[1], [1]] })];
    },
  },
  {
    name: `${op} broadcast`,
    run(device, random) {
      const { geometry, lengths } = broadcast(random, 2);
      const a = device.upload(values(random, lengths[0], op === 'pow' ? 0.1 : -2, 2));
      const b = device.upload(values(random, lengths[1], op === 'div' ? 0.3 : -2, 2));
      return [device.binary(op, a, b, geometry)];
    },
  },
]);

export const ELEMENTWISE_CORNERS: readonly Case[] = [...unary, ...unaryGrad, ...binary];
