import type { Conv2dGeometry, MatmulGeometry } from '../../lib/devices/device.ts';

/** The shapes that the kernels are measured at. */
export const GEMMS: Record<string, MatmulGeometry> = { 'GEMM 512': square(512) };

export const CONVS: Record<string, Conv2dGeometry> = {
  'conv3x3 64->64, 28x28, batch 2': conv(2, 64, 64, 28, 3, 1),
  'conv1x1 256->64, 28x28, batch 2': conv(2, 256, 64, 28, 1, 1),
  'conv7x7/2 3->64, 112x112, batch 1': conv(1, 3, 64, 112, 7, 2),
  'conv7x7/2 3->64, 224x224, batch 1': conv(1, 3, 64, 224, 7, 2),
};

function square(size: number): MatmulGeometry {
  return {
    batch: 1,
    m: size,
    n: size,
    k: size,
    transposeA: false,
    transposeB: false,
    batchStrideA: 0,
    batchStrideB: 0,
  };
}

function conv(
  batch: number,
  inChannels: number,
  outChannels: number,
  size: number,
  kernel: number,
  stride: number,
): Conv2dGeometry {
  const padding = (kernel - 1) / 2;
  const out = Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return {
    batch,
    inChannels,
    inHeight: size,
    inWidth: size,
    outChannels,
    outHeight: out,
    outWidth: out,
    kernelHeight: kernel,
    kernelWidth: kernel,
    strideHeight: stride,
    strideWidth: stride,
    paddingHeight: padding,
    paddingWidth: padding,
    dilationHeight: 1,
    dilationWidth: 1,
    groups: 1,
  };
}
