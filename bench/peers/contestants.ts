import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromiumPath } from '../../test/support/chromium.ts';

export interface ContestantEntry {
  readonly name: string;
  /** Contestants are compared with the first of their own place. */
  readonly place: 'machine' | 'browser';
  /** Starts it; null where what it needs is not on this machine. */
  readonly command: readonly string[] | null;
  /** What is not there where `command` is null. */
  readonly needs?: string;
}

const node = (engine: string, file: string, ...args: readonly string[]): string[] => [
  engine,
  '--import',
  'tsx',
  file,
  ...args,
];

/** Ours first, then the others, the fastest first. @param engines other Nodes to run ours on too */
export function contestants(threads: number, engines: readonly string[]): ContestantEntry[] {
  const here = process.execPath;
  const count = String(threads);
  const python = findTorch();
  const inNode = (name: string, ...args: [file: string, ...rest: string[]]): ContestantEntry => ({
    name,
    place: 'machine',
    command: node(here, ...args),
  });
  const inChromium = (name: string, who: string): ContestantEntry => ({
    name,
    place: 'browser',
    command: chromiumPath ? node(here, 'chromium.ts', who) : null,
    needs: 'Chromium (or name it in CHROMIUM)',
  });
  return [
    inNode(`gradiograph, Node ${major(process.versions.node)}`, 'gradiograph.ts', count),
    ...engines.map(
      (engine): ContestantEntry => ({
        name: `gradiograph, Node ${major(versionOfNode(engine))}`,
        place: 'machine',
        command: node(engine, 'gradiograph.ts', count),
      }),
    ),
    {
      name: 'PyTorch',
      place: 'machine',
      command: python ? [python, 'torch_peer.py', count] : null,
      needs:
        'a Python with torch and torchvision (Debian: python3-torch, python3-torchvision; or name it in PYTHON)',
    },
    inNode('onnxruntime-node', 'onnxruntime.ts', 'onnxruntime-node', count),
    inNode('onnxruntime-web', 'onnxruntime.ts', 'onnxruntime-web', count),
    inNode('tfjs-wasm', 'tfjs.ts', 'wasm'),
    inNode('jax-js wasm', 'jax.ts'),
    inNode('gpu.js naive', 'gpujs.ts', count),
    inNode('tfjs-cpu', 'tfjs.ts', 'cpu'),
    inChromium('gradiograph webgl2', 'gradiograph'),
    inChromium('tfjs-webgl', 'tfjs'),
  ];
}

const major = (version: string): string => version.split('.')[0];

const versionOfNode = (engine: string): string =>
  execFileSync(engine, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim();

/** The first Python that imports torch. */
function findTorch(): string | null {
  for (const python of [process.env.PYTHON, 'python3', '/usr/bin/python3']) {
    if (!python) continue;
    try {
      execFileSync(python, ['-c', 'import numpy, torch, torchvision'], { stdio: 'ignore' });
      return python;
    } catch {
      // The next one may have it.
    }
  }
  return null;
}

/** Installs the peers beside this file, once. ONNX Runtime's own download is of libraries for GPUs. */
export function installPeers(): void {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const { dependencies } = JSON.parse(readFileSync(`${folder}package.json`, 'utf8'));
  if (Object.keys(dependencies).every((name) => existsSync(`${folder}node_modules/${name}`))) return;
  execFileSync('npm', ['ci', '--prefix', folder, '--ignore-scripts'], { stdio: 'inherit' });
}
