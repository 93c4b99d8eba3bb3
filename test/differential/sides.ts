/** The two sides that a program runs on. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { GradiographError, type Tensor, tensor, tidy } from '../../lib/index.ts';
import { applyOp } from '../ops/cases.ts';
import { hashed } from '../support/hashed.ts';
import type { TorchRuns } from './compare.ts';
import { endsOf, type Program, type Refusal, type Result, type Run } from './program.ts';

/** Runs a program on the current device. Errors that are none of ours are thrown on. */
export function runOurs(program: Program): Promise<Run | Refusal> {
  return tidy(async () => {
    const leaves = program.inputs.map(({ shape, values, differentiable }) =>
      tensor(Float32Array.from(values), shape, { requiresGrad: differentiable }),
    );
    const all = [...leaves];
    for (const [step, { op, inputs, args }] of program.steps.entries()) {
      try {
        all.push(
          applyOp(
            { op, args, name: `step ${step}` },
            inputs.map((at) => (at === null ? null : all[at])),
          ),
        );
      } catch (error) {
        if (error instanceof GradiographError) return { step, message: error.message };
        throw error;
      }
    }
    const ends = endsOf(program).filter((at) => all[at].requiresGrad);
    const totals = ends.map((at) => {
      const upstream = tensor(hashed(all[at].size, program.seed + at), [all[at].size]);
      return all[at].reshape([-1]).mul(upstream).sum();
    });
    const outputs = await Promise.all(all.slice(leaves.length).map(take));
    if (totals.length > 0) totals.reduce((sum, total) => sum.add(total)).backward();
    const gradients = await Promise.all(leaves.map(({ grad }) => (grad ? take(grad) : null)));
    return { outputs, gradients };
  });
}

const take = async (value: Tensor): Promise<Result> => ({ shape: value.shape, values: await value.data() });

/** PyTorch, in a process that runs one program after another. */
export class TorchSide implements Disposable {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  readonly #lines: Interface;
  #complaint = '';

  constructor(python: string) {
    this.#process = spawn(python, [fileURLToPath(new URL('torch_side.py', import.meta.url))]);
    this.#lines = createInterface({ input: this.#process.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
    // That it has ended is told where its answer is missing.
    this.#process.stdin.on('error', () => {});
    this.#process.stderr.on('data', (chunk) => {
      this.#complaint = `${this.#complaint}${chunk}`.slice(-2000);
    });
  }

  async run(program: Program): Promise<TorchRuns> {
    const asked = JSON.stringify({ ...program, ends: endsOf(program) }, (_, item) =>
      typeof item === 'number' && !Number.isFinite(item) ? String(item) : Object.is(item, -0) ? '-0' : item,
    );
    this.#process.stdin.write(`${asked}\n`);
    const { value, done } = await this.#answers.next();
    if (done) {
      const { exitCode, signalCode } = this.#process;
      throw new Error(
        `PyTorch's side ended, exit code ${exitCode}, signal ${signalCode}: ${this.#complaint}`,
      );
    }
    return JSON.parse(value, (_, item) => WORDS.get(item) ?? item);
  }

  [Symbol.dispose](): void {
    this.#lines.close();
    this.#process.kill();
  }
}

/** What JSON has no number for, as Python writes it. */
const WORDS = new Map<unknown, number>([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
]);

/** A Python that has PyTorch: the first on the path, or Debian's own beside another version; null for none. */
export const findTorch = (): string | null =>
  ['python3', '/usr/bin/python3'].find((name) => spawnSync(name, ['-c', 'import torch']).status === 0) ??
  null;
