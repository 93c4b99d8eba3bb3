/**
 * Which places of an image speak for a class, for Node and browsers.
 * @module gradiograph/explain
 */
import '../tensor/methods.ts';

export {
  type ActivationMap,
  classActivationMap,
  gradCam,
  hottestPoint,
  type ImagePoint,
} from './class-activation.ts';
export { type OverlayOptions, overlay } from './overlay.ts';
