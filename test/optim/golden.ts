import { readFileSync } from 'node:fs';
import { optim } from '../../lib/index.ts';
import { Parameter } from '../../lib/nn/module.ts';
import { tensor } from '../../lib/tensor/create.ts';
import { tidy } from '../../lib/tensor/scope.ts';
import type { Tensor } from '../../lib/tensor/tensor.ts';

type Options = Record<string, unknown>;

interface Golden {
  start: number[][];
  factor: number[][];
  metrics: (number | null)[];
  optimizers: { kind: 'SGD' | 'Adam' | 'AdamW'; options: Options; values: number[][] }[];
  schedules: { kind: ScheduleName; options: Options; lrs: number[][]; momenta: number[] }[];
  plateaus: { options: Options; lrs: number[][] }[];
  sequences: {
    name: string;
    parts: { kind: ScheduleName; options: Options }[];
    milestones: number[];
    lrs: number[][];
  }[];
  clips: { maxNorm: number; normType: number | null; norm: number; values: number[] }[];
}

/** What record_optim.py recorded. */
export const golden: Golden = JSON.parse(
  readFileSync(new URL('../golden/optim.json', import.meta.url), 'utf8'),
);

const SHAPES = [[2, 3], [4]];

export const parameters = (): Tensor[] =>
  golden.start.map((values, i) => new Parameter(tensor(values, SHAPES[i])));

/** Leaves the gradient of sum(factor * p^4 / 4 - p). */
export function backward(params: readonly Tensor[]): void {
  tidy(() => {
    const terms = params.map((param, i) => {
      const factor = tensor(golden.factor[i], SHAPES[i]);
      return param.mul(param).mul(param).mul(param).mul(factor).mul(0.25).sub(param).sum();
    });
    terms.reduce((a, b) => a.add(b)).backward();
  });
}

export const flat = (params: readonly Tensor[]): number[] => params.flatMap((param) => [...param.dataSync()]);

/** `weight_decay` is `weightDecay`, `T_max` is `tMax`. */
const camel = (options: Options): Options =>
  Object.fromEntries(
    Object.entries(options).map(([key, value]) => [
      key.replace(/^T_/, 't_').replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );

export function createOptimizer(kind: 'SGD' | 'Adam' | 'AdamW', params: Tensor[], options: Options) {
  return new optim[kind](params, camel(options) as unknown as optim.SgdOptions);
}

const SCHEDULES = {
  StepLR: optim.StepLR,
  MultiStepLR: optim.MultiStepLR,
  ExponentialLR: optim.ExponentialLR,
  LinearLR: optim.LinearLR,
  CosineAnnealingLR: optim.CosineAnnealingLR,
  OneCycleLR: optim.OneCycleLR,
};
type ScheduleName = keyof typeof SCHEDULES;

export function createSchedule(kind: ScheduleName, optimizer: optim.Optimizer, options: Options) {
  return new SCHEDULES[kind](optimizer, camel(options) as never);
}

export const createPlateau = (optimizer: optim.Optimizer, options: Options) =>
  new optim.ReduceLROnPlateau(optimizer, camel(options));

/** The optimiser that the schedules were recorded with. */
export function twoGroups() {
  const [first, second] = parameters();
  return new optim.SGD([{ params: [first] }, { params: [second], lr: 0.02 }], { lr: 0.1, momentum: 0.9 });
}
