import { PRELUDE } from '../../../../kernels/gpu/gl/prelude.ts';
import { type Pointwise, pointwiseTexels } from '../../../../kernels/gpu/program/pointwise.ts';
import { type Program, threadsOf } from '../../../../kernels/gpu/program/program.ts';
import { DeviceError } from '../../../errors.ts';
import type { Allocations } from '../../allocations.ts';
import { createKernel, firstRun, type GpuInstance, type KernelShortcut, type Runtime } from '../runtime.ts';
import { type GlBuffer, type GlTexture, type TextureKind, Textures } from './textures.ts';

export type { GlBuffer } from './textures.ts';

/**
 * gpu.js's GL backends (headlessgl, webgl2, webgl). This file holds what depends on the internals of its kernels
 * there, textures.ts what depends on its textures.
 *
 * A gpu.js kernel owns its output texture, or allocates one a call (`immutable`). Here textures come from a pool,
 * and before each run the kernel is given the ones to render into: `texture` and `mappedTextures` are set, and its
 * `_replaceOutputTexture`, which a run calls when the framebuffer is bound, attaches them. All flat textures are of
 * one class, so that arguments never change type and nothing compiles twice.
 *
 * Flat values lie four to a texel (gpu.js's `optimizeFloatMemory`): headless GL and WebGL 1 have no narrower float
 * format to render to, and a value a texel would take four times the memory.
 */
export class GlRuntime implements Runtime<GlBuffer> {
  readonly description: string;
  readonly maxInputs = 12;
  compilations = 0;
  /** Textures that one program may write. */
  readonly maxOutputs: number;
  readonly #kernels = new Map<string, CompiledKernel>();
  readonly #textures: Textures;
  readonly #gpu: GpuInstance;

  constructor(
    gpu: GpuInstance,
    readonly mode: 'headlessgl' | 'webgl2' | 'webgl',
  ) {
    this.#gpu = gpu;
    this.#textures = new Textures(mode, this.#probe('Number', '1'), this.#probe('Array(4)', '[1, 2, 3, 4]'));
    const { gl } = this.#textures;
    this.maxOutputs = drawBuffersOf(gl);
    this.description = `gpu.js ${mode}, ${rendererOf(gl)}`;
  }

  get allocations(): Allocations<GlBuffer> {
    return this.#textures.allocations;
  }

  /** One output; those of a program with `maps` come from `runAll`. */
  run(key: string, build: () => Program, inputs: readonly GlBuffer[], scalars?: readonly number[]): GlBuffer {
    return this.runAll(key, build, inputs, scalars)[0];
  }

  /** All outputs: the returned value's, then those of `maps`, in order. */
  runAll(
    key: string,
    build: () => Program,
    inputs: readonly GlBuffer[],
    scalars: readonly number[] = [],
  ): GlBuffer[] {
    const known = this.#kernels.get(key);
    const compiled = known ?? this.#prepare(key, build());
    const { shortcut, kernel, program, length, size } = compiled;
    const outputs = Array.from({ length: compiled.outputs }, () => this.#textures.allocate(length, size));
    const textures = inputs.map((input, i) => (program.inputs[i].lanes ? input.vectors : input.numbers));
    const [main, ...mapped] = outputs.map((output) => (compiled.vectors ? output.vectors : output.numbers));
    kernel.texture = main;
    if (mapped.length > 0) kernel.mappedTextures = mapped;
    if (known) {
      for (let i = 0; i < inputs.length; i++) {
        if (inputs[i].width !== compiled.inputWidths[i]) {
          throw new DeviceError(`${this.mode}: kernel ${key} got a texture of another width as input ${i}`);
        }
      }
      shortcut(...textures, ...scalars);
      return outputs;
    }
    compiled.inputWidths = inputs.map((input) => input.width);
    const views = textures.map((texture, i) => folded(texture, program.inputs[i].dims));
    firstRun(this.#gpu, this.mode, key, shortcut, () => shortcut(...views, ...scalars));
    this.compilations += 1;
    this.#kernels.set(key, compiled);
    return outputs;
  }

  /** One kernel for all lengths of a texture size. */
  pointwise(
    key: string,
    build: () => Pointwise,
    inputs: readonly GlBuffer[],
    scalars: readonly number[],
    length: number,
  ): readonly GlBuffer[] {
    const [width, height] = this.#textures.sizeOf(Math.ceil(length / 4));
    const program = () => pointwiseTexels(build(), width, height);
    const outputs = this.runAll(`${key} ${width}x${height}`, program, inputs, scalars);
    for (const output of outputs) output.length = length;
    return outputs;
  }

  upload(data: Float32Array): GlBuffer {
    return this.#textures.upload(data);
  }

  async read(buffer: GlBuffer): Promise<Float32Array> {
    return this.#textures.read(buffer);
  }

  readSync(buffer: GlBuffer): Float32Array {
    return this.#textures.read(buffer);
  }

  free(buffer: GlBuffer): void {
    this.#textures.free(buffer);
  }

  memory(): { bytesInUse: number; bytesHeld: number } {
    return this.#textures.memory();
  }

  async dispose(): Promise<void> {
    this.#textures.dispose();
    this.#kernels.clear();
    await this.#gpu.destroy();
  }

  #prepare(key: string, program: Program): CompiledKernel {
    const threads = threadsOf(program);
    const vectors = program.returns === 'Array(4)';
    const size = program.texture ?? this.#textures.sizeOf(vectors ? threads : Math.ceil(threads / 4));
    const types = program.inputs.map((input) =>
      input.lanes ? 'ArrayTexture(4)' : 'MemoryOptimizedNumberTexture',
    );
    const maps = program.maps ?? [];
    if (maps.length >= this.maxOutputs) {
      throw new DeviceError(
        `${this.mode}: kernel ${key} has ${maps.length + 1} outputs, this GPU writes ${this.maxOutputs} at once`,
      );
    }
    const shortcut = createKernel(this.#gpu, program, types, {
      pipeline: true,
      returnType: program.returns ?? 'Number',
      optimizeFloatMemory: !vectors,
      injectedNative: this.mode === 'webgl2' ? PRELUDE : null,
    });
    const kernel = shortcut.kernel as GlKernel;
    const { gl } = this.#textures;
    const validateSettings = kernel.validateSettings;
    // gpu.js would take its own near-square, or the output's two dimensions, and check that against the limit.
    kernel.checkTextureSize = () => {};
    kernel.validateSettings = function (args: unknown) {
      validateSettings.call(this, args);
      this.texSize = Int32Array.from(size);
    };
    if (maps.length > 0) {
      kernel.drawBuffersMap = [0, ...maps.map((_, i) => i + 1)].map((i) => gl.COLOR_ATTACHMENT0 + i);
    }
    kernel._replaceOutputTexture = function () {
      attach(gl, 0, this.texture);
      for (let i = 0; i < maps.length; i++) attach(gl, i + 1, this.mappedTextures[i]);
    };
    const length = vectors ? threads * 4 : threads;
    return { shortcut, kernel, program, length, size, vectors, outputs: 1 + maps.length, inputWidths: [] };
  }

  /** Runs a constant kernel, to learn what gpu.js's textures of that return type are. */
  #probe(returns: 'Number' | 'Array(4)', value: string): TextureKind {
    const program: Program = { inputs: [], output: [1], body: `return ${value};` };
    const shortcut = createKernel(this.#gpu, program, [], {
      pipeline: true,
      returnType: returns,
      optimizeFloatMemory: returns === 'Number',
    });
    const texture = firstRun(this.#gpu, this.mode, 'probe', shortcut, () => shortcut() as GlTexture);
    return {
      Texture: texture.constructor as TextureKind['Texture'],
      context: texture.context,
      internalFormat: texture.internalFormat,
      textureFormat: texture.textureFormat,
      kernel: shortcut.kernel,
    };
  }
}

/** What is touched of gpu.js's GL kernel. */
interface GlKernel {
  texture: GlTexture;
  mappedTextures: GlTexture[];
  drawBuffersMap: number[];
  texSize: Int32Array;
  validateSettings(args: unknown): void;
  checkTextureSize(): void;
  _replaceOutputTexture(): void;
}

interface CompiledKernel {
  readonly shortcut: KernelShortcut;
  readonly kernel: GlKernel;
  readonly program: Program;
  /** Values of each output, and its texture's width and height. */
  readonly length: number;
  readonly size: readonly [number, number];
  readonly vectors: boolean;
  readonly outputs: number;
  inputWidths: number[];
}

/** The same texture with other dimensions, which gpu.js bakes into a kernel at its first run. */
function folded(texture: GlTexture, dims: readonly number[] | undefined): GlTexture {
  return dims ? Object.create(texture, { dimensions: { value: dims } }) : texture;
}

function attach(gl: WebGL2RenderingContext, index: number, texture: GlTexture): void {
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + index, gl.TEXTURE_2D, texture.texture, 0);
}

function drawBuffersOf(gl: WebGL2RenderingContext): number {
  const extension = gl.getExtension('WEBGL_draw_buffers');
  return gl.getParameter(extension ? extension.MAX_DRAW_BUFFERS_WEBGL : gl.MAX_DRAW_BUFFERS) as number;
}

/** headless GL answers 'ANGLE' for itself, and lets only its native base class tell what is beneath. */
function rendererOf(gl: WebGL2RenderingContext): string {
  const unmasked = gl.getExtension('WEBGL_debug_renderer_info');
  if (unmasked) return String(gl.getParameter(unmasked.UNMASKED_RENDERER_WEBGL));
  let renderer = gl.getParameter(gl.RENDERER) as string;
  for (let base = Object.getPrototypeOf(gl); base; base = Object.getPrototypeOf(base)) {
    const own = Object.getOwnPropertyDescriptor(base, 'getParameter')?.value;
    if (typeof own === 'function') renderer = String(own.call(gl, gl.RENDERER));
  }
  return renderer;
}
