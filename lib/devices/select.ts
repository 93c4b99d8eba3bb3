import { DeviceError } from '../errors.ts';
import type { Device, DeviceName, GpuMode } from './device.ts';

/** What `init` can be asked for: a device by name, the best GPU, or the best of all. */
export type DeviceChoice = 'auto' | 'gpu' | DeviceName;

/** The options of `init`. */
export interface InitOptions {
  /** `'auto'` (default): a real GPU through gpu.js if there is one, else `'wasm'`. `'gpu'`: the best GL or WebGPU. */
  device?: DeviceChoice;
  /** Threads of the `wasm` device; default: all cores. */
  threads?: number;
  /**
   * Whether the `wasm` device may compute 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3), at two to three times the
   * speed; default true. It works on tiles: a NaN or infinity reaches all outputs of the 4x4 tiles that read it, not only
   * those within the kernel's reach, and a value a million times its neighbours' costs these as many digits. With false,
   * every output depends on what is under the kernel alone.
   */
  winograd?: boolean;
  /** Seeds the generator, as `seed()` does; default 0. */
  seed?: number;
}

/** Those that may run on a GPU, the best first. */
const GPU_MODES: readonly GpuMode[] = ['webgpu', 'webgl2', 'headlessgl', 'webgl'];

const MODES: readonly GpuMode[] = [...GPU_MODES, 'webasm', 'cpu'];

let current: Device | null = null;

/** The device that new tensors are made on. @throws DeviceError before `init()`. */
export function currentDevice(): Device {
  if (!current) throw new DeviceError('no device: await init() before the first tensor is made');
  return current;
}

/** Makes `device` the one that new tensors are made on; tensors of another stay where they are. */
export function setDevice(device: Device | null): void {
  current = device;
}

/** What the `wasm` device takes of them. */
type WasmOptions = Pick<InitOptions, 'threads' | 'winograd'>;

/** Opens the device that a name asks for. @throws DeviceError naming what is missing and how to get it. */
export async function openDevice(choice: DeviceChoice, options: WasmOptions = {}): Promise<Device> {
  if (choice === 'auto') return (await openRealGpu()) ?? openWasm(options);
  if (choice === 'gpu') return openGpu();
  if (choice === 'wasm') return openWasm(options);
  if (!MODES.includes(choice)) {
    throw new DeviceError(`no device '${choice}'; there are auto, gpu, wasm, ${MODES.join(', ')}`);
  }
  const { createGpuDevice } = await import('./gpu/open.ts');
  return createGpuDevice(choice);
}

async function openWasm(options: WasmOptions): Promise<Device> {
  const { createWasmDevice } = await import('./wasm/device.ts');
  return createWasmDevice(options);
}

/** The first GL or WebGPU mode that works, a software renderer too. */
async function openGpu(): Promise<Device> {
  const { createGpuDevice } = await import('./gpu/open.ts');
  const reasons: string[] = [];
  for (const mode of GPU_MODES) {
    try {
      return await createGpuDevice(mode);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      reasons.push(`${mode}: ${error.message}`);
    }
  }
  throw new DeviceError(`no GPU mode works here:\n  ${reasons.join('\n  ')}`);
}

/** Files of which a Linux with a GPU has one: a DRM driver's, NVIDIA's, or those of Windows' subsystem for Linux. */
const GPU_FILES = ['/dev/dri', '/dev/nvidia0', '/dev/nvidiactl', '/dev/dxg'];

/** False on a Linux without any GPU, where drivers need not be woken, which complain on stderr. */
async function mayHaveGpu(): Promise<boolean> {
  if (typeof process === 'undefined' || process.platform !== 'linux') return true;
  const { existsSync } = await import('./node.ts');
  return GPU_FILES.some((path) => existsSync(path));
}

/** A hardware GPU, or null where each mode is missing or a software renderer. */
async function openRealGpu(): Promise<Device | null> {
  if (!(await mayHaveGpu())) return null;
  const { createGpuDevice, isSoftwareRenderer } = await import('./gpu/open.ts');
  for (const mode of GPU_MODES) {
    let device: Device;
    try {
      device = await createGpuDevice(mode);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      continue;
    }
    if (!isSoftwareRenderer(device.description)) return device;
    await device.dispose();
  }
  return null;
}
