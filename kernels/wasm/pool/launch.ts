import type { AdaptivePool2dGeometry, Storage } from '../../primitives.ts';
import type { Family, Machine } from '../machine.ts';
import { CHUNK, chunks } from '../tasks.ts';
import {
  type Averaging,
  adaptiveAverage,
  avgPoolGradKernel,
  avgPoolKernel,
  slidingAverage,
} from './average.ts';
import { maxPoolGradKernel, maxPoolKernel } from './max.ts';

type Pools =
  | 'maxPool2d'
  | 'maxPool2dGrad'
  | 'avgPool2d'
  | 'avgPool2dGrad'
  | 'adaptiveAvgPool2d'
  | 'adaptiveAvgPool2dGrad';

export function pooling<S extends Storage>({ launcher, allocate, addressOf }: Machine<S>): Family<S, Pools> {
  /** Runs a pooling kernel over its planes. */
  function launchPool(
    kernel: ReturnType<typeof maxPoolKernel>,
    x: S,
    indices: S | null,
    out: S,
    planes: number,
  ): void {
    const { tasks, chunk } = chunks(planes, Math.ceil((CHUNK * planes) / x.length), 1);
    launcher.launch(kernel, tasks, {
      x: addressOf(x),
      out: addressOf(out),
      indices: indices ? addressOf(indices) : 0,
      planes,
      itemsPerTask: chunk,
    });
  }

  function average(x: S, g: AdaptivePool2dGeometry, averaging: Averaging): S {
    const planes = g.batch * g.channels;
    const out = allocate(planes * g.outHeight * g.outWidth);
    launchPool(avgPoolKernel(g, averaging), x, null, out, planes);
    return out;
  }

  function averageGrad(dy: S, g: AdaptivePool2dGeometry, averaging: Averaging): S {
    const planes = g.batch * g.channels;
    const out = allocate(planes * g.inHeight * g.inWidth);
    launchPool(avgPoolGradKernel(g, averaging), dy, null, out, planes);
    return out;
  }

  return {
    maxPool2d(x, g) {
      const planes = g.batch * g.channels;
      const output = allocate(planes * g.outHeight * g.outWidth);
      const indices = allocate(output.length);
      launchPool(maxPoolKernel(g), x, indices, output, planes);
      return { output, indices };
    },
    maxPool2dGrad(dy, indices, g) {
      const planes = g.batch * g.channels;
      const out = allocate(planes * g.inHeight * g.inWidth);
      launchPool(maxPoolGradKernel(g), dy, indices, out, planes);
      return out;
    },
    avgPool2d: (x, g) => average(x, g, slidingAverage(g)),
    avgPool2dGrad: (dy, g) => averageGrad(dy, g, slidingAverage(g)),
    adaptiveAvgPool2d: (x, g) => average(x, g, adaptiveAverage(g)),
    adaptiveAvgPool2dGrad: (dy, g) => averageGrad(dy, g, adaptiveAverage(g)),
  };
}
