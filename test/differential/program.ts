/** Programs of ops that this library and PyTorch both run: what they are, and how they are shown. */
import type { Args } from '../ops/cases.ts';

/** What a program starts from. */
export interface ProgramInput {
  readonly shape: readonly number[];
  /** Float32 each. */
  readonly values: readonly number[];
  readonly differentiable: boolean;
}

/** One op of test/ops/cases.ts on earlier values. */
export interface Step {
  readonly op: string;
  /** Values by number: the inputs, then the steps. Null where the op takes none. */
  readonly inputs: readonly (number | null)[];
  readonly args: Partial<Args>;
}

export interface Program {
  /** Of the gradients that the last values get. */
  readonly seed: number;
  readonly inputs: readonly ProgramInput[];
  readonly steps: readonly Step[];
}

/** A value of a step, or the gradient of an input. */
export interface Result {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** What one side makes of a program. */
export interface Run {
  /** Of each step. */
  readonly outputs: readonly Result[];
  /** Of each input, null of one that got none; null where PyTorch fails on its way back. */
  readonly gradients: readonly (Result | null)[] | null;
}

/** Why one side did not take a program: the step, and the words. */
export interface Refusal {
  readonly step: number;
  readonly message: string;
}

/** The numbers of the values that no step takes, which are the ends that gradients start from. */
export function endsOf({ inputs, steps }: Program): number[] {
  const taken = new Set(steps.flatMap((step) => step.inputs));
  return steps.map((_, i) => inputs.length + i).filter((value) => !taken.has(value));
}

/** The program's last step without what does not lead to the values that `keep` names. */
export function prune({ seed, inputs, steps }: Program, keep: (value: number) => boolean): Program {
  const needed = new Set<number>();
  for (let value = inputs.length + steps.length - 1; value >= 0; value--) {
    if (!needed.has(value) && !keep(value)) continue;
    needed.add(value);
    for (const input of steps[value - inputs.length]?.inputs ?? []) if (input !== null) needed.add(input);
  }
  const numbers = new Map([...needed].sort((a, b) => a - b).map((value, i) => [value, i]));
  return {
    seed,
    inputs: inputs.filter((_, i) => needed.has(i)),
    steps: steps
      .filter((_, i) => needed.has(inputs.length + i))
      .map((step) => ({
        ...step,
        inputs: step.inputs.map((input) => (input === null ? null : (numbers.get(input) ?? 0))),
      })),
  };
}

const MANY = 12;

/** A line for each input and step. */
export function format({ seed, inputs, steps }: Program): string {
  const lines = inputs.map(({ shape, values, differentiable }, i) => {
    const shown = values.slice(0, MANY).map((value) => Math.fround(value).toPrecision(4));
    const rest = values.length > MANY ? ', ...' : '';
    return `v${i} = tensor([${shown.join(', ')}${rest}], [${shape.join(', ')}]${differentiable ? ', requiresGrad' : ''})`;
  });
  for (const [i, { op, inputs: from, args }] of steps.entries()) {
    const operands = from.map((input) => (input === null ? 'null' : `v${input}`));
    lines.push(`v${inputs.length + i} = ${op}(${[...operands, JSON.stringify(args)].join(', ')})`);
  }
  return `${lines.join('\n')}\ngradients of the ends: seed ${seed}`;
}
