import type { BinaryOp, UnaryGradOp, UnaryOp } from '../../../lib/devices/device.ts';

/** As in PyTorch, 0 of NaN. */
const sign = (x: number): number => Number(x > 0) - Number(x < 0);

/** As in C, unlike in JavaScript, 1^b and (-1)^(±Infinity) are 1. */
const pow = (a: number, b: number): number =>
  a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b;

export const UNARY: Record<UnaryOp, (x: number, alpha: number) => number> = {
  abs: Math.abs,
  sign,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  reciprocal: (x) => 1 / x,
  relu: (x) => Math.max(x, 0),
  leakyRelu: (x, alpha) => (x > 0 ? x : alpha * x),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  addScalar: (x, alpha) => x + alpha,
  mulScalar: (x, alpha) => x * alpha,
  powScalar: pow,
  maxScalar: (x, alpha) => Math.max(x, alpha),
  minScalar: (x, alpha) => Math.min(x, alpha),
};

/** f', from what DERIVATIVE_FROM names: x or y. */
export const DERIVATIVE: Record<UnaryGradOp, (saved: number, alpha: number) => number> = {
  abs: sign,
  log: (x) => 1 / x,
  leakyRelu: (x, alpha) => (x > 0 ? 1 : alpha),
  softplus: (x) => 1 / (1 + Math.exp(-x)),
  powScalar: (x, alpha) => (alpha === 0 ? 0 : alpha * pow(x, alpha - 1)),
  maxScalar: (x, alpha) => (x >= alpha ? 1 : 0),
  minScalar: (x, alpha) => (x <= alpha ? 1 : 0),
  exp: (y) => y,
  sqrt: (y) => 1 / (2 * y),
  reciprocal: (y) => -y * y,
  relu: (y) => (y <= 0 ? 0 : 1),
  sigmoid: (y) => y * (1 - y),
  tanh: (y) => 1 - y * y,
};

export const BINARY: Record<BinaryOp, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow,
  maximum: Math.max,
  minimum: Math.min,
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
  gt: (a, b) => Number(a > b),
  ge: (a, b) => Number(a >= b),
  lt: (a, b) => Number(a < b),
  le: (a, b) => Number(a <= b),
};
