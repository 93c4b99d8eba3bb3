import { PRELUDE } from '../../kernels/gpu/gl/prelude.ts';
import { type Pointwise, pointwiseTexels } from '../../kernels/gpu/pointwise.ts';
import { type Program, textureSize, threadsOf } from '../../kernels/gpu/program.ts';
import { DeviceError } from '../errors.ts';
import {
  createKernel,
  firstRun,
  type GpuInstance,
  type KernelShortcut,
  type Runtime,
} from './gpu-runtime.ts';

/**
 * gpu.js's GL backends (headlessgl, webgl2, webgl). This file holds all that depends on gpu.js's internals there.
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
  readonly maxTextureSize: number;
  /** Textures that one program may write. */
  readonly maxOutputs: number;
  private readonly kernels = new Map<string, CompiledKernel>();
  private readonly pool = new Map<string, GlBuffer[]>();
  private readonly gl: WebGL2RenderingContext;
  private readonly flatKind: TextureKind;
  private readonly lanesKind: TextureKind;
  private readonly framebuffer: WebGLFramebuffer;
  private bytesInUse = 0;
  private bytesHeld = 0;

  constructor(
    private readonly gpu: GpuInstance,
    readonly mode: 'headlessgl' | 'webgl2' | 'webgl',
  ) {
    this.flatKind = this.probe('Number', '1');
    this.lanesKind = this.probe('Array(4)', '[1, 2, 3, 4]');
    this.gl = this.flatKind.context;
    this.maxTextureSize = this.gl.getParameter(this.gl.MAX_TEXTURE_SIZE) as number;
    this.maxOutputs = drawBuffersOf(this.gl);
    this.framebuffer = this.gl.createFramebuffer() as WebGLFramebuffer;
    this.description = `gpu.js ${mode}, ${rendererOf(this.gl)}`;
  }

  /** One output; the storage of a program with `maps` comes from `runAll`. */
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
    const known = this.kernels.get(key);
    const compiled = known ?? this.prepare(key, build());
    const outputs: GlBuffer[] = [];
    for (let i = 0; i < compiled.outputs; i++) {
      outputs.push(this.allocate(compiled.length, compiled.width, compiled.height, compiled.lanes));
    }
    const { shortcut, kernel, program } = compiled;
    const textures = inputs.map((input, i) =>
      program.inputs[i].lanes ? this.vectors(input) : input.texture,
    );
    kernel.texture = outputs[0].texture;
    for (let i = 1; i < outputs.length; i++) kernel.mappedTextures[i - 1] = outputs[i].texture;
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
    firstRun(this.gpu, this.mode, key, shortcut, () => shortcut(...views, ...scalars));
    this.compilations += 1;
    this.kernels.set(key, compiled);
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
    const [width, height] = textureSize(Math.ceil(length / 4), this.maxTextureSize);
    const program = () => pointwiseTexels(build(), width, height);
    const outputs = this.runAll(`${key} ${width}x${height}`, program, inputs, scalars);
    for (const output of outputs) output.length = length;
    return outputs;
  }

  upload(data: Float32Array): GlBuffer {
    const buffer = this.allocateFlat(data.length);
    const { gl } = this;
    const { width, height } = buffer;
    const texels = new Float32Array(width * height * 4);
    texels.set(data);
    gl.activeTexture(gl.TEXTURE15);
    gl.bindTexture(gl.TEXTURE_2D, buffer.texture.texture);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, this.flatKind.textureFormat, gl.FLOAT, texels);
    return buffer;
  }

  async read(buffer: GlBuffer): Promise<Float32Array> {
    return this.readSync(buffer);
  }

  readSync(buffer: GlBuffer): Float32Array {
    const { gl } = this;
    const { width, length, lanes } = buffer;
    const values = lanes ? length * 4 : length;
    const rows = Math.ceil(values / 4 / width);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, buffer.texture.texture, 0);
    const texels = new Float32Array(width * rows * 4);
    gl.readPixels(0, 0, width, rows, gl.RGBA, gl.FLOAT, texels);
    return texels.length === values ? texels : texels.slice(0, values);
  }

  free(buffer: GlBuffer): void {
    if (buffer.freed) throw new DeviceError(`${this.mode}: a texture was freed twice`);
    buffer.freed = true;
    this.bytesInUse -= buffer.bytes;
    const key = poolKey(buffer.width, buffer.height, buffer.lanes);
    const shelf = this.pool.get(key);
    if (shelf) shelf.push(buffer);
    else this.pool.set(key, [buffer]);
  }

  memory(): { bytesInUse: number; bytesHeld: number } {
    return { bytesInUse: this.bytesInUse, bytesHeld: this.bytesHeld };
  }

  async dispose(): Promise<void> {
    for (const shelf of this.pool.values()) {
      for (const buffer of shelf) this.gl.deleteTexture(buffer.texture.texture);
    }
    this.pool.clear();
    this.kernels.clear();
    this.bytesInUse = 0;
    this.bytesHeld = 0;
    await this.gpu.destroy();
  }

  private prepare(key: string, program: Program): CompiledKernel {
    const threads = threadsOf(program);
    const vectors = program.returns === 'Array(4)';
    const texels = vectors ? threads : Math.ceil(threads / 4);
    const [width, height] = program.texture ?? textureSize(texels, this.maxTextureSize);
    if (Math.max(width, height) > this.maxTextureSize || width * height < texels) {
      throw new DeviceError(
        `${this.mode}: kernel ${key} has ${threads} outputs, a texture of ${width} x ${height}; ` +
          `this GPU's textures end at ${this.maxTextureSize} a side: use a smaller batch or image`,
      );
    }
    const types = program.inputs.map((input) =>
      input.lanes ? 'ArrayTexture(4)' : 'MemoryOptimizedNumberTexture',
    );
    const shortcut = createKernel(this.gpu, program, types, {
      pipeline: true,
      returnType: program.returns ?? 'Number',
      optimizeFloatMemory: !vectors,
      injectedNative: this.mode === 'webgl2' ? PRELUDE : null,
    });
    const kernel = shortcut.kernel as GlKernel;
    const { gl } = this;
    const validateSettings = kernel.validateSettings;
    // gpu.js would take its own near-square, or the output's two dimensions, and check that against the limit.
    kernel.checkTextureSize = () => {};
    kernel.validateSettings = function (args: unknown) {
      validateSettings.call(this, args);
      this.texSize = Int32Array.of(width, height);
    };
    const maps = program.maps ?? [];
    if (maps.length > 0) {
      kernel.mappedTextures = [];
      kernel.drawBuffersMap = [0, ...maps.map((_, i) => i + 1)].map((i) => gl.COLOR_ATTACHMENT0 + i);
    }
    kernel._replaceOutputTexture = function () {
      attach(gl, 0, this.texture);
      for (let i = 0; i < maps.length; i++) attach(gl, i + 1, this.mappedTextures[i]);
    };
    return {
      shortcut,
      kernel,
      program,
      length: program.flat ? threads * 4 : threads,
      width,
      height,
      lanes: vectors && !program.flat,
      outputs: 1 + maps.length,
      inputWidths: [],
    };
  }

  private allocateFlat(length: number): GlBuffer {
    const [width, height] = textureSize(Math.ceil(length / 4), this.maxTextureSize);
    if (height > this.maxTextureSize) {
      throw new DeviceError(
        `${this.mode}: ${length} values do not fit a texture of at most ${this.maxTextureSize} a side`,
      );
    }
    return this.allocate(length, width, height, false);
  }

  private allocate(length: number, width: number, height: number, lanes: boolean): GlBuffer {
    const pooled = this.pool.get(poolKey(width, height, lanes))?.pop();
    if (pooled) {
      pooled.freed = false;
      pooled.length = length;
      this.bytesInUse += pooled.bytes;
      return pooled;
    }
    const { gl } = this;
    const kind = lanes ? this.lanesKind : this.flatKind;
    const texture = gl.createTexture();
    if (!texture)
      throw new DeviceError(
        `${this.mode}: no texture of ${width} x ${height} to be had; the context is lost`,
      );
    gl.activeTexture(gl.TEXTURE15);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texImage2D(
      gl.TEXTURE_2D,
      0,
      kind.internalFormat,
      width,
      height,
      0,
      kind.textureFormat,
      gl.FLOAT,
      null,
    );
    const bytes = width * height * (kind.textureFormat === gl.RGBA ? 16 : 4);
    this.bytesInUse += bytes;
    this.bytesHeld += bytes;
    const wrapper = this.wrap(kind, texture, width, height);
    return { texture: wrapper, length, width, height, lanes, bytes, freed: false };
  }

  private wrap(kind: TextureKind, texture: WebGLTexture, width: number, height: number): GlTexture {
    return new kind.Texture({
      texture,
      size: Int32Array.of(width, height),
      dimensions: [width * height * 4, 1, 1],
      output: [width * height * 4],
      context: this.gl,
      internalFormat: kind.internalFormat,
      textureFormat: kind.textureFormat,
      kernel: kind.kernel,
    });
  }

  private vectors(buffer: GlBuffer): GlTexture {
    if (buffer.lanes) return buffer.texture;
    buffer.vectors ??= this.wrap(this.lanesKind, buffer.texture.texture, buffer.width, buffer.height);
    return buffer.vectors;
  }

  /** Runs a constant kernel, to learn what gpu.js's textures of that return type are. */
  private probe(returns: 'Number' | 'Array(4)', value: string): TextureKind {
    const program: Program = { inputs: [], output: [1], body: `return ${value};` };
    const shortcut = createKernel(this.gpu, program, [], {
      pipeline: true,
      returnType: returns,
      optimizeFloatMemory: returns === 'Number',
    });
    const texture = firstRun(this.gpu, this.mode, 'probe', shortcut, () => shortcut() as GlTexture);
    return {
      Texture: texture.constructor as TextureKind['Texture'],
      context: texture.context,
      internalFormat: texture.internalFormat,
      textureFormat: texture.textureFormat,
      kernel: shortcut.kernel,
    };
  }
}

/** A texture of `length` values, four a texel, or (`lanes`) of `length` texels of four values. */
export interface GlBuffer {
  readonly texture: GlTexture;
  length: number;
  readonly width: number;
  readonly height: number;
  readonly lanes: boolean;
  readonly bytes: number;
  freed: boolean;
  /** The texture as one of vectors to gpu.js, once a program has asked for it. */
  vectors?: GlTexture;
}

interface GlTexture {
  readonly texture: WebGLTexture;
  readonly context: WebGL2RenderingContext;
  readonly internalFormat: number;
  readonly textureFormat: number;
  readonly dimensions: readonly number[];
}

interface TextureKind {
  readonly Texture: new (settings: object) => GlTexture;
  readonly context: WebGL2RenderingContext;
  readonly internalFormat: number;
  readonly textureFormat: number;
  readonly kernel: object;
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
  readonly length: number;
  readonly width: number;
  readonly height: number;
  readonly lanes: boolean;
  readonly outputs: number;
  inputWidths: number[];
}

function poolKey(width: number, height: number, lanes: boolean): string {
  return `${width},${height},${lanes ? 4 : 1}`;
}

/** The same texture with other dimensions, which gpu.js bakes into a kernel at its first run. */
function folded(texture: GlTexture, dims: readonly number[] | undefined): GlTexture {
  if (!dims) return texture;
  const view = Object.create(texture, { dimensions: { value: dims } }) as GlTexture;
  return view;
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
