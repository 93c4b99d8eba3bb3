import type { BinaryOp, BroadcastGeometry, Storage, UnaryGradOp, UnaryOp } from '../primitives.ts';
import { type Family, type GpuMachine, keyOf, product } from './machine.ts';
import { element, threadsOver } from './program/coordinates.ts';
import type { Pointwise } from './program/pointwise.ts';
import { isNaNText, type Program, type ProgramInput } from './program/program.ts';

/** Exponents whose power is cheaper, and more exact, as a product. */
const PRODUCTS = new Map<number, (x: string) => string>([
  [-2, (x) => `1.0 / (${x} * ${x})`],
  [-1, (x) => `1.0 / ${x}`],
  [0, () => '1.0'],
  [0.5, (x) => `Math.sqrt(${x})`],
  [1, (x) => x],
  [2, (x) => `${x} * ${x}`],
  [3, (x) => `${x} * ${x} * ${x}`],
  [4, (x) => `(${x} * ${x}) * (${x} * ${x})`],
]);

/** Whether alpha belongs to the program itself rather than to its arguments. */
function isProduct(op: UnaryOp | UnaryGradOp, alpha: number): boolean {
  return op === 'powScalar' && PRODUCTS.has(alpha);
}

/** op(v), with alpha as a scalar argument. */
function unary(op: UnaryOp, alpha: number): Pointwise {
  return { inputs: ['v'], scalars: ['alpha'], results: [unaryBody(op, alpha)] };
}

/** Returns r, but NaN of NaN. */
const RESTORE = `if (${isNaNText('v')}) { r = v; }\nreturn r;`;

/** The statements that make the result of `v` and `alpha`. */
export function unaryBody(op: UnaryOp, alpha: number): string {
  switch (op) {
    case 'abs':
      return 'return Math.abs(v);';
    case 'sign':
      return 'let r = 0.0;\nif (v > 0.0) { r = 1.0; }\nif (v < 0.0) { r = -1.0; }\nreturn r;';
    case 'exp':
      return `let r = Math.exp(v);\n${RESTORE}`;
    case 'log':
      // SwiftShader's log of 0 is a finite -88, and of a negative number that of its magnitude.
      return `let r = Math.log(v);
if (v == 0.0) { r = -1.0 / (v * v); }
if (v < 0.0) { r = Math.sqrt(v); }
${RESTORE}`;
    case 'sqrt':
      return 'return Math.sqrt(v);';
    case 'reciprocal':
      return 'return 1.0 / v;';
    case 'relu':
      return `let r = v;\nif (v < 0.0) { r = 0.0; }\n${RESTORE}`;
    case 'leakyRelu':
      return 'let r = v;\nif (v < 0.0) { r = v * alpha; }\nreturn r;';
    case 'sigmoid':
      return `let r = 1.0 / (1.0 + Math.exp(-v));\n${RESTORE}`;
    case 'tanh':
      return TANH;
    case 'softplus':
      return SOFTPLUS;
    case 'addScalar':
      return 'return v + alpha;';
    case 'mulScalar':
      return 'return v * alpha;';
    case 'powScalar': {
      const product = PRODUCTS.get(alpha);
      return product ? `return ${product('v')};` : power('v', 'alpha');
    }
    case 'maxScalar':
      return `let r = v;\nif (v < alpha) { r = alpha; }\n${RESTORE}`;
    case 'minScalar':
      return `let r = v;\nif (v > alpha) { r = alpha; }\n${RESTORE}`;
  }
}

/** Taylor series near 0, where the quotient of exponentials cancels; beyond 15 tanh is 1 in float32. */
const TANH = `let r = v;
if (Math.abs(v) < 0.15) {
  const s = v * v;
  r = v * (1.0 + s * (-0.3333333333 + s * (0.1333333333 + s * (-0.0539682540 + s * 0.0218694885))));
} else {
  const c = Math.min(Math.max(v, -15.0), 15.0);
  r = 1.0 - 2.0 / (Math.exp(2.0 * c) + 1.0);
}
${RESTORE}`;

/** log1p by its series where 1 + e would round e away. */
const SOFTPLUS = `const e = Math.exp(-Math.abs(v));
let l = 0.0;
if (e < 0.1) {
  l = e * (1.0 - e * (0.5 - e * (0.3333333333 - e * (0.25 - e * (0.2 - e * (0.1666666667 - e * 0.1428571429))))));
} else {
  l = Math.log(1.0 + e);
}
let r = l;
if (v > 0.0) { r = v + l; }
${RESTORE}`;

/** Beyond every finite float32: what is larger is infinite. */
const LARGEST = '3.4028234e38';

/** base^exponent for any sign of the base, and C's corners: GL defines pow for positive bases only. */
function power(base: string, exponent: string): string {
  return `const m = Math.abs(${base});
const half = ${exponent} * 0.5;
let p = Math.pow(m, ${exponent});
if (m == 0.0) {
  p = ${exponent};
  if (${exponent} > 0.0) { p = 0.0; }
  if (${exponent} < 0.0) { p = 1.0 / m; }
}
if (${base} < 0.0 && Math.abs(${exponent}) <= ${LARGEST}) {
  if (Math.floor(${exponent}) != ${exponent}) {
    if (m <= ${LARGEST}) { p = Math.sqrt(${base}); }
  } else {
    if (Math.floor(half) != half) { p = -p; }
  }
}
if (${isNaNText(base)}) { p = ${base}; }
if (${isNaNText(exponent)}) { p = ${exponent}; }
if (${exponent} == 0.0 || ${base} == 1.0) { p = 1.0; }
if (m == 1.0 && Math.abs(${exponent}) > ${LARGEST}) { p = 1.0; }
return p;`;
}

/** g * f', with f' from v, which is x or y as the contract's DERIVATIVE_FROM says. */
function unaryGrad(op: UnaryGradOp, alpha: number): Pointwise {
  return { inputs: ['g', 'v'], scalars: ['alpha'], results: [unaryGradBody(op, alpha)] };
}

/** The statements that make the result of `g`, `v` and `alpha`. */
export function unaryGradBody(op: UnaryGradOp, alpha: number): string {
  const keepWhere = (condition: string) => `let r = 0.0;\nif (${condition}) { r = g; }\nreturn r;`;
  switch (op) {
    case 'abs':
      return 'let r = 0.0;\nif (v > 0.0) { r = g; }\nif (v < 0.0) { r = -g; }\nreturn r;';
    case 'log':
      return 'return g / v;';
    case 'leakyRelu':
      return 'let r = g * alpha;\nif (v > 0.0) { r = g; }\nreturn r;';
    case 'softplus':
      return `let r = g / (1.0 + Math.exp(-v));\n${RESTORE}`;
    case 'powScalar': {
      const product = PRODUCTS.get(alpha - 1);
      if (isProduct(op, alpha) && product) return `return g * alpha * (${product('v')});`;
      return power('v', '(alpha - 1.0)').replace('return p;', 'return g * alpha * p;');
    }
    case 'maxScalar':
      return keepWhere('v >= alpha');
    case 'minScalar':
      return keepWhere('v <= alpha');
    case 'exp':
      return 'return g * v;';
    case 'sqrt':
      return 'return g / (2.0 * v);';
    case 'reciprocal':
      return 'return -g * v * v;';
    case 'relu':
      return 'let r = g;\nif (v <= 0.0) { r = 0.0; }\nreturn r;';
    case 'sigmoid':
      return 'return g * v * (1.0 - v);';
    case 'tanh':
      return 'return g * (1.0 - v * v);';
  }
}

/** op(va, vb) of equal shapes. */
function binary(op: BinaryOp): Pointwise {
  return { inputs: ['va', 'vb'], scalars: [], results: [binaryBody(op)] };
}

/** out = op(a, b), broadcast. */
function binaryProgram(op: BinaryOp, geometry: BroadcastGeometry, lengths: readonly number[]): Program {
  const { inputs, output, prelude } = operands(['a', 'b'], geometry, lengths);
  return { inputs, output, body: `${prelude}\n${binaryBody(op)}` };
}

/** The statements that make the result of `va` and `vb`. */
export function binaryBody(op: BinaryOp): string {
  const test = (condition: string) => `let r = 0.0;\nif (${condition}) { r = 1.0; }\nreturn r;`;
  const larger = (comparison: string) =>
    `let r = vb;\nif (va ${comparison} vb || ${isNaNText('va')}) { r = va; }\nif (${isNaNText('vb')}) { r = vb; }\nreturn r;`;
  switch (op) {
    case 'add':
      return 'return va + vb;';
    case 'sub':
      return 'return va - vb;';
    case 'mul':
      return 'return va * vb;';
    case 'div':
      return 'return va / vb;';
    case 'pow':
      return power('va', 'vb');
    case 'maximum':
      return larger('>');
    case 'minimum':
      return larger('<');
    case 'eq':
      return test('va == vb');
    case 'ne':
      return 'let r = 1.0;\nif (va == vb) { r = 0.0; }\nreturn r;';
    case 'gt':
      return test('va > vb');
    case 'ge':
      return test('va >= vb');
    case 'lt':
      return test('va < vb');
    case 'le':
      return test('va <= vb');
  }
}

/** out = condition != 0 ? a : b, broadcast. */
function whereProgram(geometry: BroadcastGeometry, lengths: readonly number[]): Program {
  const { inputs, output, prelude } = operands(['c', 'a', 'b'], geometry, lengths);
  return { inputs, output, body: `${prelude}\nlet r = va;\nif (vc == 0.0) { r = vb; }\nreturn r;` };
}

/** Declares v<name> for each operand at the thread's position. */
function operands(names: readonly string[], geometry: BroadcastGeometry, lengths: readonly number[]) {
  const { output, prelude, coordinates } = threadsOver(geometry.shape);
  const inputs: ProgramInput[] = [];
  const reads = names.map((name, i) => {
    const { text, input } = element(name, lengths[i], coordinates, geometry.strides[i]);
    inputs.push(input);
    return `const v${name} = ${text};`;
  });
  return { inputs, output, prelude: [prelude, ...reads].join('\n') };
}

/** An op's part of a key: exponents that are written as products have programs of their own. */
export const opKey = (op: UnaryOp | UnaryGradOp, alpha: number): string =>
  isProduct(op, alpha) ? `${op} ${alpha}` : op;

/** Whether both operands have the output's shape. */
export const isFlat = ({ shape, strides }: BroadcastGeometry): boolean =>
  shape.length === 1 && strides.every(([stride]) => stride === 1);

export function elementwise<S extends Storage>(
  machine: GpuMachine<S>,
): Family<S, 'unary' | 'unaryGrad' | 'binary' | 'where'> {
  return {
    unary: (op, x, alpha) => machine.pointwise(opKey(op, alpha), () => unary(op, alpha), [x], [alpha])[0],
    unaryGrad: (op, dy, saved, alpha) =>
      machine.pointwise(`grad ${opKey(op, alpha)}`, () => unaryGrad(op, alpha), [dy, saved], [alpha])[0],
    binary(op, a, b, g) {
      if (isFlat(g)) return machine.pointwise(op, () => binary(op), [a, b], [])[0];
      const lengths = [a.length, b.length];
      return machine.run(product(g.shape), keyOf(op, g, ...lengths), () => binaryProgram(op, g, lengths), [
        a,
        b,
      ]);
    },
    where(condition, a, b, g) {
      const operands = [condition, a, b];
      const lengths = operands.map(({ length }) => length);
      const build = () => whereProgram(g, lengths);
      return machine.run(product(g.shape), keyOf('where', g, ...lengths), build, operands);
    },
  };
}
