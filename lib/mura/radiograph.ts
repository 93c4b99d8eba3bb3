import { createImage, type GrayImage } from '../data/image.ts';
import type { Generator } from '../tensor/random.ts';
import type { Bone } from './skeleton.ts';

/** What an abnormal study shows: a break, a plate with screws, or a hole in the bone. */
export const FAULTS = ['fracture', 'hardware', 'lesion'] as const;
/** A kind of fault. */
export type FaultKind = (typeof FAULTS)[number];

/** A fault of one bone; its lengths are in units of the bone's radius. */
export interface Fault {
  /** What it is. */
  readonly kind: FaultKind;
  /** The index of the bone. */
  readonly bone: number;
  /** Where along the bone, from 0 to 1. */
  readonly along: number;
  /** How far the far part of a fracture is shifted, or how large a lesion is. */
  readonly size: number;
  /** How oblique a fracture runs, or how far off the axis plate or lesion lie. */
  readonly slant: number;
}

/** A fault somewhere in the middle of a bone that can have one. */
export function drawFault(bones: readonly Bone[], kind: FaultKind, random: Generator): Fault {
  const candidates = bones.flatMap(({ breakable }, i) => (breakable ? [i] : []));
  const sign = random.random() < 0.5 ? -1 : 1;
  return {
    kind,
    bone: candidates[random.integer(candidates.length)],
    along: 0.3 + 0.4 * random.random(),
    size: kind === 'fracture' ? sign * (0.5 + 0.6 * random.random()) : 0.7 + 0.2 * random.random(),
    slant: sign * (kind === 'fracture' ? 0.2 + 0.7 * random.random() : 0.25 * random.random()),
  };
}

/** A drawn image; `faultAt` is the fault's place in pixels. */
export interface Radiograph {
  /** The picture. */
  readonly image: GrayImage;
  /** The centre of the fault; null where there is none. */
  readonly faultAt: {
    /** From the left, as a fraction of the image's width. */
    readonly x: number;
    /** From the top, as a fraction of the image's height. */
    readonly y: number;
  } | null;
}

/** X-ray attenuation of one unit of path through each material. */
const SOFT_TISSUE = 1.1;
const CORTEX = 11;
const MARROW = 3;
const METAL = 70;

/**
 * Projects bones in soft tissue onto a film of the given size: each is a tube whose attenuation is the length of the
 * ray through its cortex and marrow, and the film's darkness follows Beer and Lambert, 1 - exp(-attenuation).
 * Pose, exposure and noise vary with `random`.
 */
export function drawRadiograph(
  bones: readonly Bone[],
  fault: Fault | null,
  width: number,
  height: number,
  random: Generator,
): Radiograph {
  const posed = pose(bones, width, height, random);
  const bone = new Float32Array(width * height);
  const tissue = new Float32Array(width * height);
  posed.forEach((each, i) => {
    wrap(each, tissue, width, height);
    project(each, fault?.bone === i ? fault : null, bone, width, height);
  });
  const image = expose(bone, tissue, width, height, random);
  if (!fault) return { image, faultAt: null };
  const { x0, y0, x1, y1 } = posed[fault.bone];
  return { image, faultAt: { x: x0 + fault.along * (x1 - x0), y: y0 + fault.along * (y1 - y0) } };
}

/** Turns, perhaps mirrors, scales and moves the limb so that it fills most of the film. */
function pose(
  bones: readonly Bone[],
  width: number,
  height: number,
  random: Generator,
): (Bone & { scale: number })[] {
  const angle = ((2 * random.random() - 1) * 18 * Math.PI) / 180;
  const mirror = random.random() < 0.5 ? -1 : 1;
  const turn = (x: number, y: number) => [
    mirror * (x * Math.cos(angle) - y * Math.sin(angle)),
    x * Math.sin(angle) + y * Math.cos(angle),
  ];
  const turned = bones.map((bone) => {
    const [x0, y0] = turn(bone.x0, bone.y0);
    const [x1, y1] = turn(bone.x1, bone.y1);
    return { ...bone, x0, y0, x1, y1 };
  });
  const reach = (pick: (bone: Bone) => readonly [number, number]) => {
    const low = Math.min(...turned.map((bone) => Math.min(...pick(bone)) - bone.radius));
    const high = Math.max(...turned.map((bone) => Math.max(...pick(bone)) + bone.radius));
    return [low, high];
  };
  const [left, right] = reach(({ x0, x1 }) => [x0, x1]);
  const [top, bottom] = reach(({ y0, y1 }) => [y0, y1]);
  const fill = 0.86 + 0.12 * random.random();
  const scale = fill * Math.min(width / (right - left), height / (bottom - top));
  const moveX = width / 2 - (scale * (left + right)) / 2 + (2 * random.random() - 1) * 0.03 * width;
  const moveY = height / 2 - (scale * (top + bottom)) / 2 + (2 * random.random() - 1) * 0.03 * height;
  return turned.map((bone) => ({
    ...bone,
    x0: scale * bone.x0 + moveX,
    y0: scale * bone.y0 + moveY,
    x1: scale * bone.x1 + moveX,
    y1: scale * bone.y1 + moveY,
    radius: scale * bone.radius,
    scale,
  }));
}

type PosedBone = Bone & { readonly scale: number };

/** Calls `visit(pixel, along, across)` near a bone: pixels along its axis from (x0, y0), and signed beside it. */
function scan(
  { x0, y0, x1, y1 }: PosedBone,
  margin: number,
  width: number,
  height: number,
  visit: (pixel: number, along: number, across: number) => void,
): void {
  const length = Math.hypot(x1 - x0, y1 - y0);
  const [ux, uy] = [(x1 - x0) / length, (y1 - y0) / length];
  const left = Math.max(0, Math.floor(Math.min(x0, x1) - margin));
  const right = Math.min(width - 1, Math.ceil(Math.max(x0, x1) + margin));
  const top = Math.max(0, Math.floor(Math.min(y0, y1) - margin));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(y0, y1) + margin));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const [dx, dy] = [x + 0.5 - x0, y + 0.5 - y0];
      visit(y * width + x, dx * ux + dy * uy, dx * uy - dy * ux);
    }
  }
}

const lengthOf = ({ x0, y0, x1, y1 }: Bone) => Math.hypot(x1 - x0, y1 - y0);

/** The path of a ray through a cylinder of radius r at distance d from its axis. */
const chord = (r: number, d: number) => (d < r ? 2 * Math.sqrt(r * r - d * d) : 0);

/** Distance to the axis, round beyond both ends. */
const distance = (along: number, across: number, length: number) =>
  along < 0
    ? Math.hypot(along, across)
    : along > length
      ? Math.hypot(along - length, across)
      : Math.abs(across);

/** The flesh around a bone; that of neighbours merges. */
function wrap(bone: PosedBone, tissue: Float32Array, width: number, height: number): void {
  const length = lengthOf(bone);
  const radius = 1.3 * bone.radius + 0.08 * bone.scale;
  scan(bone, radius, width, height, (pixel, along, across) => {
    const path = chord(radius, distance(along, across, length)) / bone.scale;
    tissue[pixel] = Math.max(tissue[pixel], SOFT_TISSUE * path);
  });
}

/** Adds a bone, with its fault, to the attenuation. */
function project(
  bone: PosedBone,
  fault: Fault | null,
  film: Float32Array,
  width: number,
  height: number,
): void {
  const length = lengthOf(bone);
  const { radius, flare, scale } = bone;
  const margin = radius * (2 + flare);
  scan(bone, margin, width, height, (pixel, along, across) => {
    const far = fault?.kind === 'fracture' ? beyondBreak(fault, along, across, length, radius) : 0;
    if (far === null) return;
    const side = across - far;
    const place = Math.min(1, Math.max(0, along / length));
    const outer = radius * (1 + flare * (2 * place - 1) ** 4);
    const inner = outer * (0.62 + 0.22 * (2 * place - 1) ** 4);
    const off = distance(along, side, length);
    const path = CORTEX * chord(outer, off) - (CORTEX - MARROW) * chord(inner, off);
    const left = fault?.kind === 'lesion' ? lucency(fault, along, side, length, radius) : 1;
    film[pixel] += (left * path) / scale;
    if (fault?.kind === 'hardware') film[pixel] += metal(fault, along, side, length, radius) / scale;
  });
}

/** 0 before a break, the sideways shift beyond it, null in its gap. */
function beyondBreak(
  fault: Fault,
  along: number,
  across: number,
  length: number,
  radius: number,
): number | null {
  const zigzag = 0.18 * radius * Math.sin((5 * across) / radius);
  const from = along - fault.along * length - fault.slant * across - zigzag;
  if (Math.abs(from) < 0.3 * radius) return null;
  return from > 0 ? fault.size * radius : 0;
}

/** The share of bone left in and around a hole: little inside, a dense rim. */
function lucency(fault: Fault, along: number, across: number, length: number, radius: number): number {
  const r = Math.hypot(along - fault.along * length, across - fault.slant * radius) / (fault.size * radius);
  if (r > 1.25) return 1;
  return r > 1 ? 1.4 : 0.12 + 0.5 * r ** 4;
}

/** A plate along the bone with four screws through it. */
function metal(fault: Fault, along: number, across: number, length: number, radius: number): number {
  const from = along - fault.along * length;
  const half = 2.6 * radius;
  if (Math.abs(from) > half) return 0;
  const plate = Math.abs(across - fault.slant * radius) < 0.3 * radius;
  const thread = ((from + half) / (2 * half)) * 4;
  const screw = Math.abs(thread - Math.floor(thread) - 0.5) < 0.13 && Math.abs(across) < 1.15 * radius;
  return METAL * radius * ((plate ? 0.8 : 0) + (screw ? 0.6 : 0));
}

/** Film from attenuation: exposure, uneven field, grain. */
function expose(
  bone: Float32Array,
  tissue: Float32Array,
  width: number,
  height: number,
  random: Generator,
): GrayImage {
  const image = createImage(width, height);
  const gain = 0.85 + 0.35 * random.random();
  const top = 205 + 45 * random.random();
  const grain = random.normal(width * height, 0, 2 + 3 * random.random());
  const field = 0.25 * random.random();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const corner = Math.hypot(x / width - 0.5, y / height - 0.5) * Math.SQRT2;
      const light = top * (1 - field * corner ** 2);
      image.data[i] = 6 + light * (1 - Math.exp(-gain * (bone[i] + tissue[i]))) + grain[i];
    }
  }
  return image;
}
