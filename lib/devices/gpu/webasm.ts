/**
 * gpu.js's `webasm` backend gives every kernel a WebAssembly memory of its own. An engine has address space for some
 * hundred of them (Chromium: 125), and each would keep a copy of its arguments and its output. As a kernel copies
 * its arguments in and its output out at every run, one memory can serve all. This file holds what depends on
 * gpu.js's internals for that.
 */
export class SharedMemory {
  #memory: WebAssembly.Memory | null = null;
  #floats = new Float32Array();
  #integers = new Int32Array();

  get bytes(): number {
    return this.#floats.byteLength;
  }

  /** Makes a kernel that was not built yet take the shared memory; call the result before each later run. */
  adopt(kernel: WebasmKernel): () => void {
    let pages = 0;
    const take = () => {
      const memory = this.#memory;
      const active = kernel._active;
      if (!memory || !active || active.f32 === this.#floats) return;
      active.f32 = this.#floats;
      active.i32 = this.#integers;
    };
    kernel._instantiate = (sizeSignature: string, args: ArrayLike<unknown>) => {
      const layout = kernel.computeLayout(args);
      const cells = kernel.threadDim.reduce((product, size) => product * size, 1);
      const { bytes, initial, maximum } = kernel._assembleModule(layout, cells, false);
      pages = initial;
      const memory = this.#ofPages(pages, maximum);
      const env: Record<string, WebAssembly.ImportValue> = { memory };
      for (const name of kernel.usedMathImports) env[`math_${name}`] = Math[name] as () => number;
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env });
      kernel._active = {
        sizeSignature,
        shared: false,
        layout,
        cells,
        run: exports.run,
        runSimd: exports.run_simd ?? null,
        f32: memory === this.#memory ? this.#floats : new Float32Array(memory.buffer),
        i32: memory === this.#memory ? this.#integers : new Int32Array(memory.buffer),
      };
    };
    return () => {
      if (pages <= SHARED_PAGES) take();
    };
  }

  /** The shared memory, grown to `pages`; beyond what gpu.js's modules agree to share, one of the kernel's own. */
  #ofPages(pages: number, maximum: number): WebAssembly.Memory {
    if (pages > SHARED_PAGES) return new WebAssembly.Memory({ initial: pages, maximum });
    this.#memory ??= new WebAssembly.Memory({ initial: pages, maximum: SHARED_PAGES });
    const held = this.#memory.buffer.byteLength / PAGE;
    if (held < pages) this.#memory.grow(pages - held);
    if (this.#floats.buffer !== this.#memory.buffer) {
      this.#floats = new Float32Array(this.#memory.buffer);
      this.#integers = new Int32Array(this.#memory.buffer);
    }
    return this.#memory;
  }
}

const PAGE = 65536;
/** The maximum that gpu.js's modules declare of their memory, unless they need more. */
const SHARED_PAGES = 4096;

/** What is touched of gpu.js's WebAssembly kernel. */
export interface WebasmKernel {
  readonly threadDim: readonly number[];
  readonly usedMathImports: ReadonlySet<'exp' | 'log' | 'pow'>;
  _active: { f32: Float32Array; i32: Int32Array; [field: string]: unknown } | null;
  _instantiate(sizeSignature: string, args: ArrayLike<unknown>): void;
  computeLayout(args: ArrayLike<unknown>): unknown;
  _assembleModule(
    layout: unknown,
    cells: number,
    shared: boolean,
  ): { bytes: BufferSource; initial: number; maximum: number };
}
