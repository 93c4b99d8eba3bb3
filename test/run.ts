/**
 * Runs the test files, two at a time, each in its own process: `npm test [-- part-of-a-path ...]`. Prints one line per
 * file, the output of those that fail, what was skipped and why, and last `N passed, N failed`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const JOBS = 2;
const MINUTES_PER_FILE = 15;
const root = fileURLToPath(new URL('..', import.meta.url));
const strict = process.env.CI_STRICT === '1';

interface Outcome {
  file: string;
  passed: number;
  failed: number;
  skips: string[];
  /** Why the file as a whole failed, beyond its failed tests; else null. */
  fault: string | null;
  output: string;
  seconds: number;
}

/** Headless GL wants a display: without one, and with xvfb-run here, the whole run moves into a virtual one. */
function moveToVirtualDisplay(): void {
  if (process.platform !== 'linux' || process.env.DISPLAY) return;
  if (spawnSync('xvfb-run', ['--help']).error) return;
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const { status } = spawnSync('xvfb-run', ['-a', ...self], { stdio: 'inherit' });
  process.exit(status ?? 1);
}

/** Without a GPU, WebGPU in Node runs on the software driver that comes with Debian's Chromium. */
function softwareVulkan(): Record<string, string> {
  const driver = '/usr/lib/chromium/vk_swiftshader_icd.json';
  const wanted = !process.env.VK_DRIVER_FILES && !existsSync('/dev/dri') && existsSync(driver);
  return wanted ? { VK_DRIVER_FILES: driver } : {};
}

function testFiles(wanted: readonly string[]): string[] {
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join('test', name))
    .sort();
  return wanted.length ? files.filter((file) => wanted.some((part) => file.includes(part))) : files;
}

/** Reads uvu's summary and the SKIPPED lines. A file that neither ran a test nor said why not has failed. */
function judge(
  file: string,
  code: number | null,
  signal: string | null,
  output: string,
  seconds: number,
): Outcome {
  const count = (label: string) => Number(output.match(new RegExp(`^ {2}${label}: +(\\d+)$`, 'm'))?.[1] ?? 0);
  const skips = [...output.matchAll(/^SKIPPED .*$/gm)].map(([line]) => line);
  if (count('Skipped')) skips.push(`SKIPPED ${count('Skipped')} tests by test.skip or test.only`);
  const passed = count('Passed');
  const failed = count('Total') - passed;
  let fault: string | null = null;
  if (signal) fault = `was ended by ${signal}`;
  else if (code !== 0 && failed === 0) fault = `ended with exit code ${code}`;
  else if (code === 0 && failed > 0) fault = 'has failed tests, but exit code 0';
  else if (code === 0 && count('Total') === 0 && skips.length === 0) fault = 'ran no test';
  return { file, passed, failed, skips, fault, output, seconds };
}

function runFile(file: string): Promise<Outcome> {
  const start = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', file], {
      cwd: root,
      env: { ...process.env, ...softwareVulkan(), NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: MINUTES_PER_FILE * 60_000,
      killSignal: 'SIGKILL',
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('close', (code, signal) => {
      const seconds = (performance.now() - start) / 1000;
      resolve(judge(file, code, signal, Buffer.concat(chunks).toString(), seconds));
    });
  });
}

function report({ file, passed, failed, skips, fault, output, seconds }: Outcome): void {
  const bad = failed > 0 || fault !== null;
  const counts = `${passed} passed${failed ? `, ${failed} failed` : ''}${skips.length ? `, ${skips.length} skipped` : ''}`;
  console.log(`${bad ? 'FAIL' : 'ok  '} ${file}  ${counts}  ${seconds.toFixed(1)} s`);
  if (bad)
    console.log(`${output.trimEnd().replaceAll(/^/gm, '     ')}\n     ${fault ? `${file} ${fault}\n` : ''}`);
}

moveToVirtualDisplay();
const files = testFiles(process.argv.slice(2));
const queue = [...files];
const outcomes: Outcome[] = [];
await Promise.all(
  Array.from({ length: JOBS }, async () => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const outcome = await runFile(file);
      report(outcome);
      outcomes.push(outcome);
    }
  }),
);

const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0);
const skips = outcomes.flatMap(({ file, skips }) => skips.map((line) => `${line}  (${file})`));
if (skips.length) {
  console.log(
    `\n!!! NOT TESTED HERE (${skips.length})${strict ? ', and CI_STRICT=1 wants everything tested' : ''}:`,
  );
  for (const line of skips) console.log(`!!! ${line}`);
}
const passed = sum((outcome) => outcome.passed);
const failed = sum(
  (outcome) => outcome.failed + (outcome.fault ? 1 : 0) + (strict ? outcome.skips.length : 0),
);
if (files.length === 0) console.log(`no test file matches ${process.argv.slice(2).join(' ')}`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || files.length === 0 ? 1 : 0;
