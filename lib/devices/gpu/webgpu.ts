import { type Program, quotient, threadsOf } from '../../../kernels/gpu/program/program.ts';
import { DeviceError } from '../../errors.ts';
import { Allocations } from '../allocations.ts';
import { createKernel, type GpuInstance, type Runtime } from './runtime.ts';

/** gpu.js's WebGPU adapter and device, one pair for the whole process. */
export interface WebGpuContext {
  readonly adapter: GPUAdapter;
  readonly device: GPUDevice;
  readonly isLost: boolean;
}

/**
 * gpu.js's `webgpu` backend. This file holds all that depends on gpu.js's internals there.
 *
 * A gpu.js kernel compiles asynchronously and then runs synchronously, up to the submission to the GPU's queue. So
 * work goes through one first-in first-out line: it runs at once while the line is empty, and waits its turn behind
 * a kernel that still compiles. Buffers are allocated when an op is called, from a pool: because all that touches
 * them keeps its order, a buffer may be freed and given to the next op while earlier work on it still waits.
 */
export class WebGpuRuntime implements Runtime<WebGpuBuffer> {
  readonly mode = 'webgpu';
  readonly description: string;
  /** 8 storage buffers a kernel, one of them the output: WebGPU's default limit, and gpu.js asks for no more. */
  readonly maxInputs = 7;
  compilations = 0;
  readonly allocations = new Allocations<WebGpuBuffer>((buffer) => this.free(buffer));
  readonly #device: GPUDevice;
  readonly #kernels = new Map<string, CompiledKernel>();
  readonly #pool = new Map<number, GPUBuffer[]>();
  readonly #buffers = new Set<GPUBuffer>();
  readonly #line: (() => Promise<void> | undefined)[] = [];
  #waiting = false;
  #failure: DeviceError | null = null;
  #bytesInUse = 0;
  #bytesHeld = 0;
  readonly #gpu: GpuInstance;
  readonly #context: WebGpuContext;

  constructor(gpu: GpuInstance, context: WebGpuContext) {
    this.#gpu = gpu;
    this.#context = context;
    this.#device = context.device;
    const { vendor, architecture, device, description } = context.adapter.info;
    const names = [...new Set([vendor, architecture, device, description])].filter((name) => name);
    this.description = `gpu.js webgpu, ${names.join(' ')}`;
    // gpu.js prints these; an error that no read reports would be a silent wrong answer.
    this.#device.addEventListener('uncapturederror', this.#onError);
  }

  run(
    key: string,
    build: () => Program,
    inputs: readonly WebGpuBuffer[],
    scalars: readonly number[] = [],
  ): WebGpuBuffer {
    if (this.#failure) throw this.#failure;
    let compiled = this.#kernels.get(key);
    if (!compiled) {
      compiled = this.#compile(key, build(), inputs, scalars);
      this.#kernels.set(key, compiled);
    }
    const { program, kernel, built } = compiled;
    const output = this.#allocate(compiled.threads);
    const args = [...this.#handles(program, inputs), ...scalars];
    const dispatch = () => {
      kernel.outputBuffer = output.buffer;
      kernel.bindGroupDirty = true;
      kernel.run(...args);
    };
    this.#enqueue(() => {
      if (!kernel.built) return built.then(dispatch);
      dispatch();
    });
    return output;
  }

  upload(data: Float32Array): WebGpuBuffer {
    const target = this.#allocate(data.length);
    const copy = data.slice();
    this.#enqueue(() => {
      this.#device.queue.writeBuffer(target.buffer, 0, copy);
    });
    return target;
  }

  async read({ buffer, length }: WebGpuBuffer): Promise<Float32Array> {
    const bytes = length * 4;
    const staging = this.#device.createBuffer({ size: bytes, usage: USAGE.mapRead | USAGE.copyDestination });
    try {
      await new Promise<void>((resolve, reject) => {
        this.#enqueue(() => {
          const encoder = this.#device.createCommandEncoder();
          encoder.copyBufferToBuffer(buffer, 0, staging, 0, bytes);
          this.#device.queue.submit([encoder.finish()]);
          staging.mapAsync(MAP_READ, 0, bytes).then(resolve, reject);
        }, reject);
      });
      if (this.#failure) throw this.#failure;
      return new Float32Array(staging.getMappedRange(0, bytes).slice(0));
    } finally {
      staging.destroy();
    }
  }

  readSync(): Float32Array {
    throw new DeviceError('webgpu has no synchronous read: await data() or item() instead of dataSync()');
  }

  free(storage: WebGpuBuffer): void {
    if (storage.freed) throw new DeviceError('webgpu: a buffer was freed twice');
    storage.freed = true;
    this.allocations.remove(storage);
    const { buffer } = storage;
    this.#bytesInUse -= buffer.size;
    const freeList = this.#pool.get(buffer.size);
    if (freeList) freeList.push(buffer);
    else this.#pool.set(buffer.size, [buffer]);
  }

  memory(): { bytesInUse: number; bytesHeld: number } {
    return { bytesInUse: this.#bytesInUse, bytesHeld: this.#bytesHeld };
  }

  async dispose(): Promise<void> {
    this.#device.removeEventListener('uncapturederror', this.#onError);
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.clear();
    this.#pool.clear();
    this.#kernels.clear();
    this.#bytesInUse = 0;
    this.#bytesHeld = 0;
    await this.#gpu.destroy();
  }

  readonly #onError = (event: Event) => {
    this.#fail(`webgpu: ${(event as GPUUncapturedErrorEvent).error.message}`);
  };

  #fail(message: string, cause?: unknown): void {
    this.#failure ??= new DeviceError(message, { cause });
  }

  /** Runs `task` when all before it have run; a task that returns a promise holds up the line until it settles. */
  #enqueue(task: () => Promise<void> | undefined | void, rejected?: (reason: Error) => void): void {
    this.#line.push(() => {
      if (this.#failure) {
        rejected?.(this.#failure);
        return undefined;
      }
      return task() ?? undefined;
    });
    if (!this.#waiting) this.#advance();
  }

  #advance(): void {
    this.#waiting = false;
    for (let task = this.#line.shift(); task; task = this.#line.shift()) {
      const settled = task();
      if (!settled) continue;
      this.#waiting = true;
      settled
        .catch((error: Error) => this.#fail(`webgpu: ${error.message}`, error))
        .then(() => this.#advance());
      return;
    }
  }

  #compile(
    key: string,
    program: Program,
    inputs: readonly WebGpuBuffer[],
    scalars: readonly number[],
  ): CompiledKernel {
    const fitted = fitDispatch(program);
    const types = fitted.inputs.map(() => 'WebGPUBuffer');
    const shortcut = createKernel(this.#gpu, fitted, types, { pipeline: true });
    const kernel = shortcut.kernel as WebGpuKernel;
    const threads = threadsOf(program);
    // A buffer from the pool, or the build would allocate an output of its own.
    const scratch = this.#allocate(threads);
    kernel.outputBuffer = scratch.buffer;
    let building: Promise<void>;
    try {
      building = kernel.build(...this.#handles(fitted, inputs), ...scalars);
    } catch (error) {
      throw new DeviceError(`webgpu: kernel ${key} does not compile: ${(error as Error).message}`, {
        cause: error,
      });
    }
    this.free(scratch);
    this.compilations += 1;
    const built = building.catch((error: Error) => {
      throw new DeviceError(`kernel ${key} does not compile: ${error.message}`, { cause: error });
    });
    built.catch(() => {});
    return { program: fitted, kernel, built, threads };
  }

  /** The inputs as gpu.js's pipeline results, folded as the program wants them. */
  #handles(program: Program, inputs: readonly WebGpuBuffer[]): unknown[] {
    return inputs.map(({ buffer, length }, i) => ({
      type: 'WebGPUBuffer',
      buffer,
      output: program.inputs[i].dims ?? [length],
      componentCount: 1,
      context: this.#context,
    }));
  }

  #allocate(length: number): WebGpuBuffer {
    const size = Math.ceil(length / 4) * 16;
    const buffer = this.#pool.get(size)?.pop() ?? this.#create(length, size);
    this.#bytesInUse += size;
    return this.allocations.add({ buffer, length, freed: false });
  }

  #create(length: number, size: number): GPUBuffer {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#device.limits;
    const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    if (size > most) {
      throw new DeviceError(
        `webgpu: a tensor of ${length} values needs ${size} bytes, this GPU's buffers end at ${most}: use a smaller batch or image`,
      );
    }
    const usage = USAGE.storage | USAGE.copySource | USAGE.copyDestination;
    const buffer = this.#device.createBuffer({ size, usage });
    this.#buffers.add(buffer);
    this.#bytesHeld += size;
    return buffer;
  }
}

export interface WebGpuBuffer {
  readonly buffer: GPUBuffer;
  readonly length: number;
  freed: boolean;
}

/** What is touched of gpu.js's WebGPU kernel. */
interface WebGpuKernel {
  outputBuffer: GPUBuffer;
  bindGroupDirty: boolean;
  readonly built: boolean;
  build(...args: unknown[]): Promise<void>;
  run(...args: unknown[]): unknown;
}

interface CompiledKernel {
  readonly program: Program;
  readonly kernel: WebGpuKernel;
  readonly built: Promise<void>;
  readonly threads: number;
}

/** GPUBufferUsage and GPUMapMode by value, as the specification fixes them: Node has no such globals. */
const USAGE = { mapRead: 0x1, copySource: 0x4, copyDestination: 0x8, storage: 0x80 };
const MAP_READ = 0x1;

/** Workgroups along one axis; gpu.js makes them 8 x 8 x 1 (64 along x for flat outputs, which it folds by itself). */
const MAX_GROUPS = 65535;

/** Folds an output of too many layers for a dispatch into its rows. */
function fitDispatch(program: Program): Program {
  const [x, y = 1, z = 1] = program.output;
  if (z === 1 && y === 1) return { ...program, output: [x] };
  if (z <= MAX_GROUPS) return program;
  if (y * z > MAX_GROUPS * 8) {
    throw new DeviceError(`webgpu: an output of ${x} x ${y} x ${z} threads is too large for one dispatch`);
  }
  const layer = quotient('this.thread.row', y);
  const body = program.body
    .replaceAll('this.thread.y', `(this.thread.row - ${layer} * ${y})`)
    .replaceAll('this.thread.z', layer)
    .replaceAll('this.thread.row', 'this.thread.y');
  return { ...program, output: [x, y * z], body };
}
