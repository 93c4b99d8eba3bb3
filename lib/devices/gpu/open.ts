import { DeviceError } from '../../errors.ts';
import type { Device, GpuMode } from '../device.ts';
import { ArrayRuntime } from './arrays.ts';
import { gpuDevice } from './device.ts';
import { glDevice } from './gl/device.ts';
import { GlRuntime } from './gl/runtime.ts';
import type { GpuJs } from './runtime.ts';
import { type WebGpuContext, WebGpuRuntime } from './webgpu.ts';

/** What each mode needs, and how to get it. */
const NEEDS: Record<GpuMode, string> = {
  headlessgl:
    "the npm package 'gl' with its native part (npm rebuild gl; in gradiograph's own checkout npm run setup:gl) and a " +
    'display (without one, run under xvfb-run -a)',
  webgl2: 'a browser with WebGL2 and float render targets (EXT_color_buffer_float)',
  webgl: 'a browser with WebGL, float textures and draw buffers (OES_texture_float, WEBGL_draw_buffers)',
  webgpu:
    "a browser with WebGPU, or in Node the npm package 'webgpu' 0.6 or later, and a GPU driver that it can use " +
    '(on Linux a Vulkan one; VK_DRIVER_FILES names it)',
  webasm: 'a JavaScript engine with WebAssembly',
  cpu: 'a JavaScript engine that allows new Function',
};

/** Opens a gpu.js mode. @throws DeviceError naming what is missing and how to get it. */
export async function createGpuDevice(mode: GpuMode): Promise<Device> {
  try {
    return await openDevice(mode);
  } catch (error) {
    const reason = (error as Error).message.replace(/\.$/, '');
    throw new DeviceError(`device '${mode}' needs ${NEEDS[mode]}; here: ${reason}`, { cause: error });
  }
}

/** True of llvmpipe, SwiftShader, lavapipe and their like: graphics on the CPU, slower than the wasm device. */
export function isSoftwareRenderer(description: string): boolean {
  return /llvmpipe|softpipe|swiftshader|lavapipe|swrast|software|basic render/i.test(description);
}

async function openDevice(mode: GpuMode): Promise<Device> {
  const gpujs = await loadGpuJs();
  if (mode === 'webgpu') {
    await provideWebGpu();
    const context = await gpujs.WebGPUContext.acquire();
    return gpuDevice(new WebGpuRuntime(new gpujs.GPU({ mode }), context));
  }
  const gpu = new gpujs.GPU({ mode });
  if (mode === 'cpu' || mode === 'webasm') return gpuDevice(new ArrayRuntime(gpujs, gpu, mode));
  return glDevice(new GlRuntime(gpu, mode));
}

/** gpu.js is CommonJS, and loads the native `gl` as it is loaded: so only when a mode of it is asked for. */
async function loadGpuJs(): Promise<LoadedGpuJs> {
  const module = (await import('gpu.js')) as unknown as LoadedGpuJs & { default?: LoadedGpuJs };
  return module.default ?? module;
}

type LoadedGpuJs = GpuJs & { WebGPUContext: { acquire(): Promise<WebGpuContext> } };

/** Node has no WebGPU of its own: the npm package `webgpu` gives it one, and gpu.js looks for it in `navigator.gpu`. */
async function provideWebGpu(): Promise<void> {
  const scope = globalThis as { navigator?: { gpu?: GPU } };
  if (scope.navigator?.gpu || typeof process === 'undefined' || !process.versions?.node) return;
  const { loadWebGpu } = await import('../node.ts');
  const { create, globals } = await loadWebGpu();
  Object.assign(globalThis, globals);
  const gpu = create([]);
  if (scope.navigator) Object.defineProperty(scope.navigator, 'gpu', { value: gpu, configurable: true });
  else Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
}
