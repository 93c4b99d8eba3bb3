/** ResNet-18, ResNet-50 and DenseNet-121 beside torchvision's, on gpu.js's kernels in headless GL. */
import { openOrSkip } from '../support/open-or-skip.ts';
import { testParity } from './test-parity.ts';

const device = await openOrSkip('headlessgl', 'parity with torchvision');
if (device) testParity(() => device);
