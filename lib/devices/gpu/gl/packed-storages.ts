import { type GlMachine, planesKey, samePlanes } from '../../../../kernels/gpu/gl/machine.ts';
import { packImage } from '../../../../kernels/gpu/gl/pack.ts';
import { flattenPacked, type Planes } from '../../../../kernels/gpu/gl/planes.ts';
import { GpuStorage, gpuStorages, type StorageMethods } from '../storages.ts';
import type { GlBuffer, GlRuntime } from './runtime.ts';

type GlStorage = GpuStorage<GlBuffer>;

/** A packed tensor (NC4HW4: four channels a texel). Its flat form is made when an op asks for it, and kept beside. */
export class PackedStorage extends GpuStorage<GlBuffer> {
  constructor(
    readonly planes: Planes,
    public packed: GlBuffer | null,
  ) {
    super(planes.batch * planes.channels * planes.spatial, null);
  }
}

/** Flat and packed storages on a GL runtime, and what the four-lane families ask for. */
export function glStorages(runtime: GlRuntime): {
  methods: StorageMethods<GlStorage>;
  machine: GlMachine<GlStorage, GlBuffer>;
} {
  const { flat: flatBuffer, ...flatMethods } = gpuStorages(runtime);

  function flat(x: GlStorage): GlBuffer {
    if (x instanceof PackedStorage && !x.buffer && x.packed) {
      const { planes } = x;
      x.buffer = runtime.run(`flatten ${planesKey(planes)}`, () => flattenPacked(planes), [x.packed]);
      // It belongs to x, which outlives a primitive that throws.
      runtime.allocations.remove(x.buffer);
    }
    return flatBuffer(x);
  }

  function readSync(x: GlStorage): Float32Array {
    if (!(x instanceof PackedStorage) || !x.packed) return flatMethods.readSync(x);
    return unpacked(runtime.readSync(x.packed), x.planes);
  }

  const methods: StorageMethods<GlStorage> = {
    ...flatMethods,
    read: async (x) => readSync(x),
    readSync,
    free(x) {
      if (!(x instanceof PackedStorage) || !x.packed) return flatMethods.free(x);
      runtime.free(x.packed);
      x.packed = null;
      if (x.buffer) flatMethods.free(x);
    },
  };

  const machine: GlMachine<GlStorage, GlBuffer> = {
    maxInputs: runtime.maxInputs,
    maxOutputs: runtime.maxOutputs,
    run: (...args) => runtime.run(...args),
    runAll: (...args) => runtime.runAll(...args),
    freeBuffer: (buffer) => runtime.free(buffer),
    flat,
    fromFlat: (buffer, length = buffer.length) => new GpuStorage(length, buffer),
    fromPacked: ({ batch, channels, spatial }, buffer) =>
      new PackedStorage({ batch, channels, spatial }, buffer),
    planesOf: (x) => (x instanceof PackedStorage ? x.planes : null),
    withPacked(xs, planes, use) {
      const temporary: GlBuffer[] = [];
      const packed = xs.map((x, i) => {
        if (x instanceof PackedStorage && x.packed && samePlanes(x.planes, planes[i])) return x.packed;
        const buffer = pack(flat(x), planes[i]);
        temporary.push(buffer);
        return buffer;
      });
      const result = use(packed);
      for (const buffer of temporary) runtime.free(buffer);
      return result;
    },
  };

  function pack(buffer: GlBuffer, planes: Planes): GlBuffer {
    const { batch, channels, spatial } = planes;
    const image = {
      batch,
      channels,
      height: 1,
      width: spatial,
      beforeHeight: 0,
      beforeWidth: 0,
      packedHeight: 1,
      packedWidth: spatial,
    };
    return runtime.run(`pack planes ${planesKey(planes)}`, () => packImage(image, false), [buffer]);
  }

  return { methods, machine };
}

/** The row-major values of packed texels. */
function unpacked(texels: Float32Array, { batch, channels, spatial }: Planes): Float32Array {
  const values = new Float32Array(batch * channels * spatial);
  for (let i = 0; i < values.length; i += spatial * 4) {
    for (let position = 0; position < spatial; position++) {
      const from = i + position * 4;
      for (let lane = 0; lane < 4; lane++) values[i + lane * spatial + position] = texels[from + lane];
    }
  }
  return values;
}
