import type { Conv2dGeometry, MatmulGeometry } from '../../lib/devices/device.ts';
import { conv2d, gemm } from '../shapes.ts';

/** The shapes that the kernels are measured at. */
export const GEMMS: Record<string, MatmulGeometry> = { 'GEMM 512': gemm(512, 512, 512) };

export const CONVS: Record<string, Conv2dGeometry> = {
  'conv3x3 64->64, 28x28, batch 2': conv2d({ in: 64, out: 64, size: 28, kernel: 3, stride: 1 }, 2),
  'conv1x1 256->64, 28x28, batch 2': conv2d({ in: 256, out: 64, size: 28, kernel: 1, stride: 1 }, 2),
  'conv7x7/2 3->64, 112x112, batch 1': conv2d({ in: 3, out: 64, size: 112, kernel: 7, stride: 2 }, 1),
  'conv7x7/2 3->64, 224x224, batch 1': conv2d({ in: 3, out: 64, size: 224, kernel: 7, stride: 2 }, 1),
};
