/** Holds random programs of ops to PyTorch: `npm run differential -- --help`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type DeviceChoice, init } from '../../lib/index.ts';
import { skipped } from '../support/skipped.ts';
import { format } from './program.ts';
import { type Finding, runPrograms } from './runner.ts';
import { findTorch, TorchSide } from './sides.ts';

function count(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('Wants a whole number from 0 on.');
}

const options = new Command('differential')
  .description(
    'Runs random programs of ops here and with PyTorch, and compares every value and gradient. Programs that differ are made small.',
  )
  .addOption(new Option('--programs <n>', 'how many').argParser(count).default(200))
  .addOption(new Option('--seed <n>', 'of the programs').argParser(count).default(1))
  .addOption(new Option('--program <n>', 'runs one program of --seed again').argParser(count))
  .option('--device <name>', 'where this side computes', 'wasm')
  .option('--save <folder>', 'where programs that differ are kept', 'runs/differential')
  .showHelpAfterError('(--help lists the flags)')
  .parse()
  .opts<{ programs: number; seed: number; program?: number; device: DeviceChoice; save: string }>();

/** A device keeps the kernels of every shape that it has met, and random programs meet thousands. */
const PER_DEVICE = 2000;

const python = findTorch();
if (python) {
  const { seed, device: name, save } = options;
  const range =
    options.program === undefined
      ? { first: 0, count: options.programs }
      : { first: options.program, count: 1 };
  using torch = new TorchSide(python);
  const start = performance.now();
  let [steps, description] = [0, ''];
  const findings: Finding[] = [];
  for (let done = 0; done < range.count; done += PER_DEVICE) {
    const device = await init({ device: name });
    description = device.description;
    const part = { seed, first: range.first + done, count: Math.min(PER_DEVICE, range.count - done) };
    const outcome = await runPrograms(device, torch, part, (finding) => {
      mkdirSync(save, { recursive: true });
      writeFileSync(join(save, `${seed}-${finding.number}.json`), `${JSON.stringify(finding.program)}\n`);
      const again = `npm run differential -- --seed ${seed} --program ${finding.number} --device ${name}`;
      console.log(`DIFFERS  ${finding.what}\n${format(finding.program)}\n${again}\n`);
    });
    steps += outcome.steps;
    findings.push(...outcome.findings);
    await device.dispose();
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const kinds = new Map<string, number>();
  for (const { kind } of findings) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  for (const [kind, times] of kinds) console.log(`${times} x ${kind}`);
  console.log(`${description}: ${range.count} programs of ${steps} steps, seed ${seed}, in ${seconds} s`);
  console.log(`${range.count - findings.length} passed, ${findings.length} failed`);
  process.exitCode = findings.length > 0 ? 1 : 0;
} else {
  const isStrict = process.env.CI_STRICT === '1';
  skipped('random programs beside PyTorch', 'no python3 here imports torch: apt-get install python3-torch');
  console.log(`0 passed, ${isStrict ? 1 : 0} failed`);
  process.exitCode = isStrict ? 1 : 0;
}
