/** A fresh project with the packed package installed, as an npm user has it. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { skipped } from '../support/skipped.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const readme = readFileSync(join(root, 'README.md'), 'utf8');
/** The bundlers and compilers of package.json beside this file. */
const tools = fileURLToPath(new URL('node_modules', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'gradiograph-consumer-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
export const project = join(folder, 'project');

export function run(command: string, args: readonly string[], cwd = project) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (error) throw error;
  return { status, stdout, output: `${command} ${args.join(' ')}:\n${stdout}${stderr}` };
}

export function succeed(command: string, args: readonly string[], cwd = project): string {
  const { status, stdout, output } = run(command, args, cwd);
  if (status !== 0) throw new Error(output);
  return stdout;
}

/** Packs a copy of the checkout, which builds it: tests that run beside each other do not share one `dist`. */
function pack(): string {
  const copy = join(folder, 'checkout');
  for (const name of [
    'package.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'tsconfig.json',
    'tsconfig.build.json',
    'lib',
    'kernels',
    'docs',
    'bench/results',
  ])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  succeed('npm', ['pack', '--pack-destination', folder], copy);
  rmSync(copy, { recursive: true });
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');
}

/**
 * Makes the project, with the files of a folder beside this one, and installs the packed package into it.
 * @returns the tarball's path, or null, with a SKIPPED line, where no registry answers
 */
export function installPackage(files: string, manifest: object = {}): string | null {
  mkdirSync(project);
  cpSync(fileURLToPath(new URL(files, import.meta.url)), project, { recursive: true });
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ private: true, type: 'module', ...manifest }),
  );
  const tarball = pack();
  const flags = ['--ignore-scripts', '--omit=optional', '--prefer-offline', '--no-audit', '--no-fund'];
  const { status, output } = run('npm', ['install', ...flags, tarball]);
  if (status === 0) return tarball;
  if (!/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ENOTCACHED/.test(output)) throw new Error(output);
  skipped(
    'the packed package',
    'its dependencies cannot be installed here: the npm registry does not answer',
  );
  return null;
}

/** Puts the bundlers and compilers where the project finds them. False, with a SKIPPED line, where there are none. */
export function provideTools(): boolean {
  if (!existsSync(tools)) {
    skipped('bundlers and compilers', 'not installed: npm ci --prefix test/consumer');
    return false;
  }
  symlinkSync(tools, join(folder, 'node_modules'));
  return true;
}

/**
 * Type-checks some of the project's files, dependencies' declarations included.
 * @param typescript the compiler: one of package.json beside this file, or the checkout's own
 */
export function compile(
  files: readonly string[],
  options: Readonly<Record<string, unknown>>,
  typescript?: string,
): void {
  const compilerOptions = {
    target: 'es2022',
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    types: [],
    typeRoots: [join(root, 'node_modules/@types')],
    ...options,
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  const folder = typescript ? join(tools, typescript) : join(root, 'node_modules/@typescript/native');
  succeed(process.execPath, [join(folder, 'bin/tsc'), '-p', '.']);
}

/** The path of a tool's command. */
export const tool = (name: string): string => join(tools, '.bin', name);

export const everyFile = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());

/** The size of files, in 10^6 bytes. */
export const megabytes = (files: readonly string[]): number =>
  files.reduce((sum, path) => sum + statSync(path).size, 0) / 1e6;
