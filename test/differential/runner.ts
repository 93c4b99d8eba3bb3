/** Holds seeded programs to PyTorch, and makes those that fail small. */
import { setDevice } from '../../lib/devices/select.ts';
import type { Device } from '../../lib/index.ts';
import { hashed } from '../support/hashed.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { compare, type TorchRuns } from './compare.ts';
import { drawProgram } from './draw.ts';
import type { Program } from './program.ts';
import { shrink } from './shrink.ts';
import { runOurs, type TorchSide } from './sides.ts';

/** A program that differs. */
export interface Finding {
  readonly number: number;
  readonly kind: string;
  readonly what: string;
  readonly program: Program;
}

export interface Outcome {
  readonly programs: number;
  readonly steps: number;
  readonly findings: readonly Finding[];
}

/** Programs next to one that differs: where a value lies at a jump, or terms cancel, rounding alone makes a difference. */
const NEIGHBOURS = 6;
/** By how much of themselves their inputs differ. */
const APART = 1e-6;

/** A program whose differentiable inputs are a little nearer to 0, each by a share of its own. */
function disturb(program: Program, seed: number): Program {
  const inputs = program.inputs.map((input, i) => {
    if (!input.differentiable) return input;
    const shares = hashed(input.values.length, 100 * seed + i, 0, APART);
    return { ...input, values: input.values.map((value, k) => Math.fround(value * (1 - shares[k]))) };
  });
  return { ...program, inputs };
}

/** Runs programs `first` to `first + count - 1` of a seed on a device and with PyTorch. */
export async function runPrograms(
  device: Device,
  torch: TorchSide,
  { seed, first, count }: { readonly seed: number; readonly first: number; readonly count: number },
  onFinding: (finding: Finding) => void = () => {},
): Promise<Outcome> {
  const differ = async (program: Program) => {
    const [ours, theirs] = [await runOurs(program), await torch.run(program)];
    if (!compare(program, ours, theirs)) return null;
    const others: TorchRuns[] = [];
    for (let i = 0; i < NEIGHBOURS; i++) others.push(await torch.run(disturb(program, i)));
    return compare(program, ours, theirs, others);
  };
  const findings: Finding[] = [];
  let steps = 0;
  for (let number = first; number < first + count; number++) {
    setDevice(new ReferenceDevice());
    const program = drawProgram(seed, number);
    setDevice(device);
    steps += program.steps.length;
    if (!(await differ(program))) continue;
    const small = await shrink(
      program,
      async (smaller) => (await differ(smaller)) !== null,
      async (smaller) => {
        const run = await runOurs(smaller);
        return 'message' in run ? null : run;
      },
    );
    const difference = await differ(small);
    if (!difference)
      throw new Error(`program ${number} of seed ${seed} differs in one run and not in the next`);
    const finding = { number, ...difference, program: small };
    findings.push(finding);
    onFinding(finding);
  }
  return { programs: count, steps, findings };
}
