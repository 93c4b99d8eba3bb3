import type { Conv2dGeometry, Device, MatmulGeometry, Primitives, Storage } from './device.ts';
import { currentDevice } from './select.ts';

/** What one primitive cost in a profiled run. */
export interface ProfileRow {
  /** The primitive, with its shape where it is a convolution or a product: `conv2d 64x56x56 -> 64, 3x3`. */
  readonly op: string;
  /** How often it ran. */
  readonly calls: number;
  /** The time of all calls. */
  readonly milliseconds: number;
  /** Multiplications and additions; 0 where memory is the limit. */
  readonly flops: number;
  /** Bytes of the storages read and written, each counted once a call. */
  readonly bytes: number;
}

/** What a profiled run cost, by primitive. */
export interface Profile {
  /** Slowest first. */
  readonly rows: readonly ProfileRow[];
  /** From start to end, the time between primitives included. */
  readonly milliseconds: number;
  /** A table of op, calls, ms, share, GFLOPS and GB/s. */
  toString(): string;
}

const convolution = (g: Conv2dGeometry): number =>
  (2 * g.batch * g.outChannels * g.outHeight * g.outWidth * g.inChannels * g.kernelHeight * g.kernelWidth) /
  g.groups;

const convolutionName = (g: Conv2dGeometry): string =>
  `${g.inChannels}x${g.inHeight}x${g.inWidth} -> ${g.outChannels}, ${g.kernelHeight}x${g.kernelWidth}${
    g.strideHeight > 1 ? ` /${g.strideHeight}` : ''
  }${g.groups > 1 ? `, ${g.groups} groups` : ''}`;

const product = (g: MatmulGeometry): number => 2 * g.batch * g.m * g.n * g.k;

type OpenRow = { -readonly [K in keyof ProfileRow]: ProfileRow[K] };

interface Cost {
  readonly flops: number;
  readonly detail?: string;
}

const FREE: Cost = { flops: 0 };

/** The arithmetic of each primitive, from its arguments; a row for every one, so that none goes untimed. */
const COSTS: {
  readonly [P in keyof Primitives<Storage>]: (...args: Parameters<Primitives<Storage>[P]>) => Cost;
} = {
  fill: () => FREE,
  unary: (op) => ({ flops: 0, detail: op }),
  unaryGrad: (op) => ({ flops: 0, detail: op }),
  binary: (op) => ({ flops: 0, detail: op }),
  where: () => FREE,
  reduce: (op) => ({ flops: 0, detail: op }),
  strided: () => FREE,
  pad: () => FREE,
  concat: () => FREE,
  matmul: (_a, _b, _bias, g) => ({ flops: product(g), detail: `${g.m}x${g.k}x${g.n}` }),
  conv2d: (_x, _w, _b, g) => ({ flops: convolution(g), detail: convolutionName(g) }),
  conv2dInputGrad: (_dy, _w, g) => ({ flops: convolution(g), detail: convolutionName(g) }),
  conv2dWeightGrad: (_x, _dy, g) => ({ flops: convolution(g), detail: convolutionName(g) }),
  maxPool2d: () => FREE,
  maxPool2dGrad: () => FREE,
  avgPool2d: () => FREE,
  avgPool2dGrad: () => FREE,
  adaptiveAvgPool2d: () => FREE,
  adaptiveAvgPool2dGrad: () => FREE,
  batchNormStatistics: () => FREE,
  batchNorm: () => FREE,
  batchNormGrad: () => FREE,
  sgdStep: () => FREE,
  adamStep: () => FREE,
};

const isStorage = (value: unknown): value is Storage =>
  typeof value === 'object' && value !== null && typeof (value as Storage).length === 'number';

/** The storages in an argument or a result: itself, or those in an array or a plain object of results. */
function storagesIn(value: unknown): Storage[] {
  if (Array.isArray(value)) return value.flatMap(storagesIn);
  if (isStorage(value)) return [value];
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.values(value).flatMap(storagesIn);
  }
  return [];
}

/**
 * Runs `fn` (which may return a promise) and measures every primitive that the current device executes in it.
 * A device that only queues its work (a GPU) shows the time to queue it.
 */
export function profile<T>(fn: () => T): T extends Promise<unknown> ? Promise<Profile> : Profile;
export function profile(fn: () => unknown): Profile | Promise<Profile> {
  const device = currentDevice();
  const rows = new Map<string, OpenRow>();
  const names = Object.keys(COSTS) as (keyof typeof COSTS)[];
  const own = names.map((name) => Object.getOwnPropertyDescriptor(device, name));
  for (const name of names) measure(device, name, rows);
  const start = performance.now();
  const finish = (): Profile => {
    const milliseconds = performance.now() - start;
    names.forEach((name, i) => {
      const before = own[i];
      if (before) Object.defineProperty(device, name, before);
      else Reflect.deleteProperty(device, name);
    });
    return summary(
      [...rows.values()].sort((a, b) => b.milliseconds - a.milliseconds),
      milliseconds,
    );
  };
  let result: unknown;
  try {
    result = fn();
  } catch (error) {
    finish();
    throw error;
  }
  if (!(result instanceof Promise)) return finish();
  return result.then(finish, (error: unknown) => {
    finish();
    throw error;
  });
}

/** Whether a primitive is running: one that is built from others counts as one. */
let inPrimitive = false;

/** Puts a timed method of the device's own before the one of its class. */
function measure(device: Device, name: keyof typeof COSTS, rows: Map<string, OpenRow>): void {
  const run = device[name] as (...args: unknown[]) => unknown;
  const cost = COSTS[name] as (...args: unknown[]) => Cost;
  const timed = (...args: unknown[]): unknown => {
    if (inPrimitive) return run.apply(device, args);
    inPrimitive = true;
    const start = performance.now();
    let result: unknown;
    try {
      result = run.apply(device, args);
    } finally {
      inPrimitive = false;
    }
    const milliseconds = performance.now() - start;
    const { flops, detail } = cost(...args);
    const op = detail ? `${name} ${detail}` : name;
    const row = rows.get(op) ?? { op, calls: 0, milliseconds: 0, flops: 0, bytes: 0 };
    row.calls++;
    row.milliseconds += milliseconds;
    row.flops += flops;
    for (const { length } of [...args, result].flatMap(storagesIn)) row.bytes += 4 * length;
    rows.set(op, row);
    return result;
  };
  Object.defineProperty(device, name, { value: timed, configurable: true });
}

function summary(rows: readonly ProfileRow[], milliseconds: number): Profile {
  return { rows, milliseconds, toString: () => table(rows, milliseconds) };
}

function table(rows: readonly ProfileRow[], milliseconds: number): string {
  const inside = rows.reduce((sum, row) => sum + row.milliseconds, 0);
  const cells = rows.map((row) => [
    row.op,
    String(row.calls),
    row.milliseconds.toFixed(1),
    `${((100 * row.milliseconds) / milliseconds).toFixed(1)} %`,
    row.flops ? (row.flops / row.milliseconds / 1e6).toFixed(1) : '',
    (row.bytes / row.milliseconds / 1e6).toFixed(1),
  ]);
  const outside = milliseconds - inside;
  cells.push([
    'between ops',
    '',
    outside.toFixed(1),
    `${((100 * outside) / milliseconds).toFixed(1)} %`,
    '',
    '',
  ]);
  cells.push(['total', '', milliseconds.toFixed(1), '', '', '']);
  const lines = [['op', 'calls', 'ms', 'share', 'GFLOPS', 'GB/s'], ...cells];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
    )
    .join('\n');
}
