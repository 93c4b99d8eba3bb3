import { encodeRgbPng } from '../data/codecs/encode-png.ts';
import type { GrayImage } from '../data/image.ts';
import type { ActivationMap } from './class-activation.ts';
import { type OverlayOptions, overlay } from './overlay.ts';

/** `overlay` as a PNG file. */
export const overlayPng = (image: GrayImage, map: ActivationMap, options: OverlayOptions = {}): Uint8Array =>
  encodeRgbPng(overlay(image, map, options));
