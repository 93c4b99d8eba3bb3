/**
 * MURA's regions and published counts, and drawn radiographs, without files: for Node and browsers.
 * @module gradiograph/mura
 */
import '../tensor/methods.ts';

export { type Counts, comparePublishedCounts, PUBLISHED_COUNTS } from './published-counts.ts';
export {
  drawFault,
  drawRadiograph,
  FAULTS,
  type Fault,
  type FaultKind,
  type Radiograph,
} from './radiograph.ts';
export { type MuraImage, parseRegion, REGIONS, type Region, type Split } from './regions.ts';
export { type Bone, skeleton } from './skeleton.ts';
