import { textureSize } from '../../../../kernels/gpu/program/program.ts';
import { DeviceError } from '../../../errors.ts';
import { Allocations } from '../../allocations.ts';

/** gpu.js's texture, as far as it is touched. */
export interface GlTexture {
  readonly texture: WebGLTexture;
  readonly context: WebGL2RenderingContext;
  readonly internalFormat: number;
  readonly textureFormat: number;
  readonly dimensions: readonly number[];
}

/** What gpu.js's kernels of one return type make and take: its class of texture, and a kernel that can own some. */
export interface TextureKind {
  readonly Texture: new (settings: object) => GlTexture;
  readonly context: WebGL2RenderingContext;
  readonly internalFormat: number;
  readonly textureFormat: number;
  readonly kernel: object;
}

/** A texture of `length` values, four a texel. gpu.js sees it as one of numbers, or as one of vectors. */
export interface GlBuffer {
  readonly numbers: GlTexture;
  readonly vectors: GlTexture;
  length: number;
  readonly width: number;
  readonly height: number;
  freed: boolean;
}

const bytesOf = ({ width, height }: GlBuffer): number => width * height * 16;

/** The textures of one context, pooled by size, and the ways in and out of them. */
export class Textures {
  readonly gl: WebGL2RenderingContext;
  readonly maxSize: number;
  readonly allocations = new Allocations<GlBuffer>((buffer) => this.free(buffer));
  readonly #pool = new Map<string, GlBuffer[]>();
  readonly #framebuffer: WebGLFramebuffer;
  #bytesInUse = 0;
  #bytesHeld = 0;
  readonly #mode: string;
  readonly #numbers: TextureKind;
  readonly #vectors: TextureKind;

  constructor(mode: string, numbers: TextureKind, vectors: TextureKind) {
    this.#mode = mode;
    this.#numbers = numbers;
    this.#vectors = vectors;
    this.gl = numbers.context;
    this.maxSize = this.gl.getParameter(this.gl.MAX_TEXTURE_SIZE) as number;
    this.#framebuffer = this.gl.createFramebuffer() as WebGLFramebuffer;
  }

  /** The size of a texture for so many texels. @throws DeviceError where the GPU has none so large. */
  sizeOf(texels: number): [number, number] {
    const [width, height] = textureSize(texels, this.maxSize);
    if (height > this.maxSize) {
      throw new DeviceError(
        `${this.#mode}: ${texels * 4} values do not fit this GPU's textures, which end at ${this.maxSize} texels a side; ` +
          'use a smaller batch or image',
      );
    }
    return [width, height];
  }

  allocate(length: number, [width, height]: readonly [number, number]): GlBuffer {
    const buffer = this.#pool.get(`${width},${height}`)?.pop() ?? this.#make(width, height);
    this.#bytesInUse += bytesOf(buffer);
    buffer.freed = false;
    buffer.length = length;
    return this.allocations.add(buffer);
  }

  #make(width: number, height: number): GlBuffer {
    const texture = this.#create(width, height);
    const [numbers, vectors] = [this.#numbers, this.#vectors].map((kind) =>
      wrap(kind, texture, width, height),
    );
    const buffer = { numbers, vectors, length: 0, width, height, freed: true };
    this.#bytesHeld += bytesOf(buffer);
    return buffer;
  }

  free(buffer: GlBuffer): void {
    if (buffer.freed) throw new DeviceError(`${this.#mode}: a texture was freed twice`);
    buffer.freed = true;
    this.#bytesInUse -= bytesOf(buffer);
    this.allocations.remove(buffer);
    const key = `${buffer.width},${buffer.height}`;
    const freeList = this.#pool.get(key);
    if (freeList) freeList.push(buffer);
    else this.#pool.set(key, [buffer]);
  }

  upload(data: Float32Array): GlBuffer {
    const { gl } = this;
    const size = this.sizeOf(Math.ceil(data.length / 4));
    const buffer = this.allocate(data.length, size);
    const texels = new Float32Array(size[0] * size[1] * 4);
    texels.set(data);
    gl.activeTexture(gl.TEXTURE15);
    gl.bindTexture(gl.TEXTURE_2D, buffer.numbers.texture);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, ...size, this.#numbers.textureFormat, gl.FLOAT, texels);
    return buffer;
  }

  read(buffer: GlBuffer): Float32Array {
    const { gl } = this;
    const { width, length, numbers } = buffer;
    const rows = Math.ceil(length / 4 / width);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, numbers.texture, 0);
    const texels = new Float32Array(width * rows * 4);
    gl.readPixels(0, 0, width, rows, gl.RGBA, gl.FLOAT, texels);
    if (gl.isContextLost()) {
      throw new DeviceError(
        `${this.#mode}: the GPU's context is lost, and the tensors with it; init() again`,
      );
    }
    return texels.length === length ? texels : texels.slice(0, length);
  }

  memory(): { bytesInUse: number; bytesHeld: number } {
    return { bytesInUse: this.#bytesInUse, bytesHeld: this.#bytesHeld };
  }

  dispose(): void {
    for (const freeList of this.#pool.values()) {
      for (const buffer of freeList) this.gl.deleteTexture(buffer.numbers.texture);
    }
    this.#pool.clear();
    this.#bytesInUse = 0;
    this.#bytesHeld = 0;
  }

  #create(width: number, height: number): WebGLTexture {
    const { gl } = this;
    const { internalFormat, textureFormat } = this.#numbers;
    const texture = gl.createTexture() as WebGLTexture;
    gl.activeTexture(gl.TEXTURE15);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    // Errors of earlier calls, which are not this texture's.
    while (gl.getError() !== gl.NO_ERROR && !gl.isContextLost());
    gl.texImage2D(gl.TEXTURE_2D, 0, internalFormat, width, height, 0, textureFormat, gl.FLOAT, null);
    const error = gl.getError();
    if (error !== gl.NO_ERROR) {
      const reason = error === gl.OUT_OF_MEMORY ? 'out of memory' : `GL error 0x${error.toString(16)}`;
      throw new DeviceError(
        `${this.#mode}: no texture of ${width} x ${height} beside ${this.#bytesHeld} bytes: ${reason}; use a smaller batch or image`,
      );
    }
    return texture;
  }
}

function wrap(kind: TextureKind, texture: WebGLTexture, width: number, height: number): GlTexture {
  return new kind.Texture({
    texture,
    size: Int32Array.of(width, height),
    dimensions: [width * height * 4, 1, 1],
    output: [width * height * 4],
    context: kind.context,
    internalFormat: kind.internalFormat,
    textureFormat: kind.textureFormat,
    kernel: kind.kernel,
  });
}
