import { DeviceError } from '../errors.ts';
import type { Device, GpuMode } from './device.ts';
import { ArrayRuntime } from './gpu-arrays.ts';
import { GpuDevice } from './gpu-device.ts';
import { GlRuntime } from './gpu-gl.ts';
import type { GpuInstance, GpuJs } from './gpu-runtime.ts';

/** What each mode needs, and how to get it. */
const REMEDIES: Record<GpuMode, string> = {
  headlessgl:
    "it needs the npm package 'gl' (npm run setup:gl builds it) and a display: without one, run under xvfb-run -a",
  webgl2: 'it needs a browser with WebGL2 and float render targets (EXT_color_buffer_float)',
  webgl: 'it needs a browser with WebGL and float textures (OES_texture_float, WEBGL_color_buffer_float)',
  webgpu:
    "it needs a browser with WebGPU, or in Node the npm package 'webgpu' 0.6 or later and a Vulkan driver",
  webasm: 'it needs a JavaScript engine with WebAssembly',
  cpu: 'it needs a JavaScript engine that allows new Function (no strict content security policy)',
};

/** Opens a gpu.js mode. @throws DeviceError naming what is missing and how to get it. */
export async function createGpuDevice(mode: GpuMode): Promise<Device> {
  const gpujs = await loadGpuJs();
  let gpu: GpuInstance;
  try {
    gpu = new gpujs.GPU({ mode });
  } catch (error) {
    throw new DeviceError(`device '${mode}' is not to be had here: ${REMEDIES[mode]}`, { cause: error });
  }
  if (mode === 'cpu' || mode === 'webasm') return new GpuDevice(new ArrayRuntime(gpujs, gpu, mode));
  if (mode === 'webgpu') throw new DeviceError('not yet');
  return new GpuDevice(new GlRuntime(gpu, mode));
}

/** True of llvmpipe, SwiftShader, lavapipe and their like: graphics on the CPU, slower than the wasm device. */
export function isSoftwareRenderer(description: string): boolean {
  return /llvmpipe|softpipe|swiftshader|lavapipe|swrast|software|basic render/i.test(description);
}

/** gpu.js is CommonJS, and loads the native `gl` as it is loaded: so only when a mode of it is asked for. */
async function loadGpuJs(): Promise<GpuJs> {
  const module = (await import('gpu.js')) as unknown as { default?: GpuJs } & GpuJs;
  return module.default ?? module;
}
