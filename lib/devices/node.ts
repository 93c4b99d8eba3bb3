/**
 * What the devices ask of Node. It is loaded only where there is a Node, and stands alone so that the field `browser`
 * of package.json can keep it out of what bundlers make for browsers.
 */
import { createRequire } from 'node:module';
import { DeviceError } from '../errors.ts';

export { existsSync } from 'node:fs';
export { availableParallelism } from 'node:os';
export { setFlagsFromString } from 'node:v8';
export { Worker } from 'node:worker_threads';

/** gpu.js installs 0.2.9, which it never loads: many systems cannot, and nothing here is tested on it. */
const LEAST_WEBGPU = { minor: 6, install: 'npm install webgpu@^0.6' };

/**
 * The npm package `webgpu`, which gives Node what browsers have as `navigator.gpu`.
 * @throws DeviceError when it is missing, too old or does not load, with the command that installs it
 */
export async function loadWebGpu(): Promise<typeof import('webgpu')> {
  const version = versionOf('webgpu');
  const [major, minor] = version?.split('.').map(Number) ?? [];
  if (!version) throw new DeviceError(`it is not installed (${LEAST_WEBGPU.install})`);
  if (major === 0 && minor < LEAST_WEBGPU.minor) {
    throw new DeviceError(`version ${version} is too old (${LEAST_WEBGPU.install})`);
  }
  try {
    return await import('webgpu');
  } catch (error) {
    throw new DeviceError(`version ${version} does not load: ${(error as Error).message}`, { cause: error });
  }
}

/** The version of an npm package, or null where it is not installed. */
function versionOf(name: string): string | null {
  try {
    return createRequire(import.meta.url)(`${name}/package.json`).version;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}
