import { type Program, threadsOf } from '../../../kernels/gpu/program/program.ts';
import { Allocations } from '../allocations.ts';
import {
  createKernel,
  firstRun,
  type GpuInstance,
  type GpuJs,
  type KernelShortcut,
  type Runtime,
} from './runtime.ts';
import { SharedMemory, type WebasmKernel } from './webasm.ts';

/**
 * gpu.js's `cpu` and `webasm` modes, on typed arrays. They are the modes to check others against: `webasm` copies its
 * arguments into the module's memory at each call, and has no kernel maps or textures.
 */
export class ArrayRuntime implements Runtime<Float32Array> {
  readonly description: string;
  readonly maxInputs = 16;
  compilations = 0;
  readonly allocations = new Allocations<Float32Array>((buffer) => this.free(buffer));
  readonly #kernels = new Map<string, CompiledKernel>();
  readonly #shared = new SharedMemory();
  #bytesInUse = 0;
  readonly #gpujs: GpuJs;
  readonly #gpu: GpuInstance;

  constructor(
    gpujs: GpuJs,
    gpu: GpuInstance,
    readonly mode: 'cpu' | 'webasm',
  ) {
    this.#gpujs = gpujs;
    this.#gpu = gpu;
    this.description = `gpu.js ${mode}, ${mode === 'cpu' ? 'JavaScript' : 'WebAssembly'}, 1 thread`;
  }

  run(
    key: string,
    build: () => Program,
    inputs: readonly Float32Array[],
    scalars: readonly number[] = [],
  ): Float32Array {
    const known = this.#kernels.get(key);
    if (known) {
      known.prepare?.();
      return this.#owned(known.shortcut(...this.#fold(known.program, inputs), ...scalars), known.program);
    }
    const program = build();
    const types = program.inputs.map((input) => (input.dims ? 'Input' : 'Array'));
    const shortcut = createKernel(this.#gpu, program, types, {});
    const prepare = this.mode === 'webasm' ? this.#shared.adopt(shortcut.kernel as WebasmKernel) : undefined;
    const args = this.#fold(program, inputs);
    const result = firstRun(this.#gpu, this.mode, key, shortcut, () => shortcut(...args, ...scalars));
    this.compilations += 1;
    this.#kernels.set(key, { shortcut, program, prepare });
    return this.#owned(result, program);
  }

  upload(data: Float32Array): Float32Array {
    return this.#owned(data.slice(), null);
  }

  async read(buffer: Float32Array): Promise<Float32Array> {
    return buffer.slice();
  }

  readSync(buffer: Float32Array): Float32Array {
    return buffer.slice();
  }

  free(buffer: Float32Array): void {
    this.#bytesInUse -= buffer.byteLength;
    this.allocations.remove(buffer);
  }

  memory(): { bytesInUse: number; bytesHeld: number } {
    return { bytesInUse: this.#bytesInUse, bytesHeld: this.#bytesInUse + this.#shared.bytes };
  }

  async dispose(): Promise<void> {
    this.#kernels.clear();
    this.#bytesInUse = 0;
    await this.#gpu.destroy();
  }

  #fold(program: Program, inputs: readonly Float32Array[]): unknown[] {
    return inputs.map((input, i) => {
      const { dims } = program.inputs[i];
      if (!dims) return input;
      // gpu.js wants to fold exactly what there is; a program may fold into rows, the last of them not full.
      const whole = this.#gpujs.input(input, [input.length, 1, 1]);
      whole.size = [...dims];
      return whole;
    });
  }

  #owned(result: unknown, program: Program | null): Float32Array {
    const values = program ? flatten(result as Nested, threadsOf(program)) : (result as Float32Array);
    this.#bytesInUse += values.byteLength;
    return this.allocations.add(values);
  }
}

interface CompiledKernel {
  readonly shortcut: KernelShortcut;
  readonly program: Program;
  readonly prepare?: () => void;
}

type Nested = Float32Array | readonly Nested[];

/** gpu.js answers [x, y, z] outputs as arrays of arrays of rows; `webasm` cuts all rows from one buffer. */
function flatten(result: Nested, length: number): Float32Array {
  let first = result;
  while (!(first instanceof Float32Array)) first = first[0];
  if (first.length === length) return first;
  if (first.byteOffset === 0 && first.buffer.byteLength === length * 4) return new Float32Array(first.buffer);
  const flat = new Float32Array(length);
  let offset = 0;
  const copy = (part: Nested) => {
    if (part instanceof Float32Array) {
      flat.set(part, offset);
      offset += part.length;
    } else for (const inner of part) copy(inner);
  };
  copy(result);
  return flat;
}
