/** Makes a failing program small. */
import { type Program, prune, type Run } from './program.ts';

/**
 * A program that still fails, of which no step can be dropped or replaced by an input of its values.
 * @param run what this library makes of a program; null where it refuses it
 */
export async function shrink(
  program: Program,
  fails: (program: Program) => Promise<boolean>,
  run: (program: Program) => Promise<Run | null>,
): Promise<Program> {
  let smallest = program;
  for (let changed = true; changed; ) {
    changed = false;
    for (const smaller of await simplify(smallest, run)) {
      if (!(await fails(smaller))) continue;
      [smallest, changed] = [smaller, true];
      break;
    }
  }
  return smallest;
}

/** Programs of fewer steps, the smallest first. */
async function simplify(
  program: Program,
  run: (program: Program) => Promise<Run | null>,
): Promise<Program[]> {
  const { inputs, steps } = program;
  const values = await run(program);
  const numbers = steps.map((_, i) => inputs.length + i);
  const alone = numbers.map((only) => prune(program, (value) => value === only));
  const without = numbers.map((dropped) =>
    prune(program, (value) => value >= inputs.length && !depends(program, value, dropped)),
  );
  const given = values
    ? numbers.slice(0, -1).map((number, i) => replace(program, number, values.outputs[i]))
    : [];
  return [...alone, ...without, ...given]
    .filter((smaller) => smaller.steps.length < steps.length && smaller.steps.length > 0)
    .sort((a, b) => a.steps.length - b.steps.length);
}

function depends({ inputs, steps }: Program, value: number, on: number): boolean {
  if (value === on) return true;
  return (steps[value - inputs.length]?.inputs ?? []).some(
    (input) => input !== null && input >= on && depends({ inputs, steps } as Program, input, on),
  );
}

/** A program in which a step's value is given. */
function replace(program: Program, number: number, { shape, values }: Run['outputs'][number]): Program {
  const { seed, inputs, steps } = program;
  const given = { shape, values: Array.from(values), differentiable: true };
  const at = inputs.length;
  const renumber = (value: number) =>
    value === number ? at : value < at ? value : value < number ? value + 1 : value;
  const left = steps.toSpliced(number - at, 1).map((step) => ({
    ...step,
    inputs: step.inputs.map((input) => (input === null ? null : renumber(input))),
  }));
  const replaced = { seed, inputs: [...inputs, given], steps: left };
  return prune(replaced, (value) => value > at);
}
