import type { Conv2dGeometry, Storage } from '../../primitives.ts';
import { isDepthwise } from '../depthwise/forward.ts';
import { launchDepthwise } from '../depthwise/launch.ts';
import { epilogueForm } from '../epilogue.ts';
import { simplify, tapsOf } from '../gemm/im2col-view.ts';
import { K_BLOCK, launchGemm } from '../gemm/launch.ts';
import type { Family, Launcher, Machine } from '../machine.ts';
import { evenPartition } from '../tasks.ts';
import { launchWinograd } from '../winograd/launch.ts';
import { type ConvGemm, forwardGemm, inputGradGemms } from './lowering.ts';
import type { ConvRun } from './run.ts';
import { launchWeightGrad } from './weight-grad-launch.ts';

function launchConvGemm(launcher: Launcher, conv: ConvGemm, run: ConvRun): void {
  if (launchWinograd(launcher, conv, run)) return;
  const { weights, view, output } = conv;
  launchGemm(launcher, {
    ...run,
    weights,
    gemm: {
      rows: weights.rows,
      channels: weights.channels,
      block: evenPartition(weights.channels, Math.floor(K_BLOCK / tapsOf(view))),
      source: { kind: 'view', view: simplify(view) },
      output,
      grid: conv.grid,
      epilogue: epilogueForm(run, 'row'),
    },
    columns: run.images * conv.grid.height * conv.grid.width,
    keepsPacked: true,
    a: run.weight,
    b: run.source,
    groupA: conv.weightsPerGroup,
    groupB: weights.channels * view.height * view.width,
    groupOut: weights.rows * output.height * output.width,
  });
}

function launchGemms(launcher: Launcher, g: Conv2dGeometry, gemms: readonly ConvGemm[], run: ConvRun): void {
  if (!isDepthwise(g)) for (const conv of gemms) launchConvGemm(launcher, conv, run);
  else if (gemms.length) launchDepthwise(launcher, gemms, run);
}

export function convolution<S extends Storage>(
  { launcher, allocate, addressOf }: Machine<S>,
  { fill }: Family<S, 'fill'>,
): Family<S, 'conv2d' | 'conv2dInputGrad' | 'conv2dWeightGrad'> {
  return {
    conv2d(x, weight, bias, g, { residual, relu } = { residual: null, relu: false }) {
      const out = allocate(g.batch * g.outChannels * g.outHeight * g.outWidth);
      launchGemms(launcher, g, [forwardGemm(g)], {
        images: g.batch,
        groups: g.groups,
        source: addressOf(x),
        weight: addressOf(weight),
        bias: bias && addressOf(bias),
        residual: residual && addressOf(residual),
        relu,
        out: addressOf(out),
      });
      return out;
    },

    conv2dInputGrad(dy, weight, g) {
      const length = g.batch * g.inChannels * g.inHeight * g.inWidth;
      const { gemms, complete } = inputGradGemms(g);
      const out = complete ? allocate(length) : fill(length, 0);
      launchGemms(launcher, g, gemms, {
        images: g.batch,
        groups: g.groups,
        source: addressOf(dy),
        weight: addressOf(weight),
        bias: null,
        residual: null,
        relu: false,
        out: addressOf(out),
      });
      return out;
    },

    conv2dWeightGrad(x, dy, g) {
      const length = g.outChannels * (g.inChannels / g.groups) * g.kernelHeight * g.kernelWidth;
      const out = allocate(length);
      launchWeightGrad(launcher, { x: addressOf(x), dy: addressOf(dy), out: addressOf(out) }, g);
      return out;
    },
  };
}
