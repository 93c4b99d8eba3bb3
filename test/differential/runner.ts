/** Holds seeded programs to PyTorch, and makes those that fail small. */
import { setDevice } from '../../lib/devices/select.ts';
import type { Device } from '../../lib/index.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { compare } from './compare.ts';
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

/** Runs programs `first` to `first + count - 1` of a seed on a device and with PyTorch. */
export async function runPrograms(
  device: Device,
  torch: TorchSide,
  { seed, first, count }: { readonly seed: number; readonly first: number; readonly count: number },
  onFinding: (finding: Finding) => void = () => {},
): Promise<Outcome> {
  const differ = async (program: Program) =>
    compare(program, await runOurs(program), ...(await torch.run(program)));
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
