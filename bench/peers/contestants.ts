import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface ContestantEntry {
  readonly name: string;
  /** Starts it with so many threads; null where what it needs is not on this machine. */
  readonly command: (threads: number) => readonly string[] | null;
  /** What is not there where `command` gives null. */
  readonly needs?: string;
}

const node = (file: string, ...args: readonly string[]): string[] => [
  process.execPath,
  '--import',
  'tsx',
  file,
  ...args,
];

/** Ours first. tfjs on WebGL runs in a browser: `npm run bench:browser`. */
export const CONTESTANTS: readonly ContestantEntry[] = [
  { name: 'gradiograph', command: (threads) => node('gradiograph.ts', String(threads)) },
  {
    name: 'PyTorch',
    command(threads) {
      const python = findTorch();
      return python ? [python, 'torch_peer.py', String(threads)] : null;
    },
    needs:
      'a Python with torch and torchvision (Debian: python3-torch, python3-torchvision; or name it in PYTHON)',
  },
  {
    name: 'onnxruntime-node',
    command: (threads) => node('onnxruntime.ts', 'onnxruntime-node', String(threads)),
  },
  {
    name: 'onnxruntime-web',
    command: (threads) => node('onnxruntime.ts', 'onnxruntime-web', String(threads)),
  },
  { name: 'tfjs-wasm', command: () => node('tfjs.ts', 'wasm') },
  { name: 'tfjs-cpu', command: () => node('tfjs.ts', 'cpu') },
  { name: 'jax-js', command: () => node('jax.ts') },
  { name: 'gpu.js naive', command: (threads) => node('gpujs.ts', String(threads)) },
];

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
