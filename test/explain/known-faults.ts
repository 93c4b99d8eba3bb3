/** Drawn radiographs whose faults are known, and how near to them the maps of a model are hottest. */
import type { GrayImage } from '../../lib/data/image.ts';
import { Generator, type Tensor, tensor } from '../../lib/index.ts';
import { drawFault, drawRadiograph, FAULTS } from '../../lib/mura/radiograph.ts';
import { skeleton } from '../../lib/mura/skeleton.ts';
import { type ActivationMap, hottestPoint, type Region, transforms } from '../../lib/node.ts';

/** In shares of the image's width and height. */
interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Drawing {
  readonly image: GrayImage;
  readonly region: Region;
  /** null where nothing is wrong. */
  readonly faultAt: Point | null;
}

export type AbnormalDrawing = Drawing & { readonly faultAt: Point };

export const isAbnormal = (drawing: Drawing): drawing is AbnormalDrawing => drawing.faultAt !== null;

/** Square drawings of the regions in turn, about half of them abnormal; each `stream` has others. */
export function draw(count: number, regions: readonly Region[], size: number, stream: number): Drawing[] {
  return Array.from({ length: count }, (_, i) => {
    const random = new Generator(stream, i);
    const region = regions[i % regions.length];
    const bones = skeleton(region, random);
    const kind = FAULTS[random.integer(FAULTS.length)];
    const fault = random.random() < 0.5 ? drawFault(bones, kind, random) : null;
    const { image, faultAt } = drawRadiograph(bones, fault, size, size, random);
    return { image, region, faultAt: faultAt && { x: faultAt.x / size, y: faultAt.y / size } };
  });
}

/** Drawings of one size as x `[N, C, size, size]`. */
export function batchOf(drawings: readonly Drawing[], normalization: transforms.Normalization): Tensor {
  const [{ image }] = drawings;
  const values = drawings.flatMap((drawing) => [...transforms.normalize(drawing.image, normalization)]);
  return tensor(values, [drawings.length, normalization.mean.length, image.height, image.width]);
}

/** Mean distances, in shares of the image's side. */
export interface Localisation {
  /** From the hottest point of an image's map to its fault. */
  readonly own: number;
  /** By chance: to the same fault from the hottest points of the other abnormal images of its region. */
  readonly chance: number;
  /** To the fault from the middle of the image. */
  readonly middle: number;
}

export function localise(drawings: readonly AbnormalDrawing[], maps: readonly ActivationMap[]): Localisation {
  const hottest = maps.map(hottestPoint);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const distance = (a: Point, b: Point) => Math.hypot(a.x - b.x, a.y - b.y);
  return {
    own: mean(drawings.map(({ faultAt }, i) => distance(hottest[i], faultAt))),
    chance: mean(
      drawings.flatMap(({ faultAt, region }, i) =>
        hottest
          .filter((_, j) => j !== i && drawings[j].region === region)
          .map((point) => distance(point, faultAt)),
      ),
    ),
    middle: mean(drawings.map(({ faultAt }) => distance({ x: 0.5, y: 0.5 }, faultAt))),
  };
}
