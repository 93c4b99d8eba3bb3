import type { Generator } from '../tensor/random.ts';
import type { Region } from './regions.ts';

/** A bone as a tube between two joints, in a plane where the limb is about 1 long. */
export interface Bone {
  /** The first joint, from the left. */
  readonly x0: number;
  /** The first joint, from the top. */
  readonly y0: number;
  /** The second joint, from the left. */
  readonly x1: number;
  /** The second joint, from the top. */
  readonly y1: number;
  /** Of the shaft. */
  readonly radius: number;
  /** The ends are wider than the shaft by the factor 1 + flare. */
  readonly flare: number;
  /** Whether the drawn faults befall it: bones long enough to show one. */
  readonly breakable: boolean;
}

interface Joint {
  readonly x: number;
  readonly y: number;
}

/** Draws bones one from the end of another; every length, width and angle varies a little from patient to patient. */
class Pen {
  readonly bones: Bone[] = [];
  readonly #random: Generator;

  constructor(random: Generator) {
    this.#random = random;
  }

  vary(value: number, share = 0.1): number {
    return value * (1 + share * (2 * this.#random.random() - 1));
  }

  /** A bone from (x, y) at `degrees` from straight down, counter-clockwise; returns where the next begins. */
  bone(
    from: Joint,
    degrees: number,
    length: number,
    radius: number,
    flare: number,
    breakable: boolean,
  ): Joint {
    const angle = ((degrees + 4 * (2 * this.#random.random() - 1)) * Math.PI) / 180;
    const reach = this.vary(length);
    const to = { x: from.x + reach * Math.sin(angle), y: from.y + reach * Math.cos(angle) };
    const width = this.vary(radius);
    this.bones.push({ x0: from.x, y0: from.y, x1: to.x, y1: to.y, radius: width, flare, breakable });
    const joint = width * (1 + flare) * 1.25;
    return { x: to.x + 2 * joint * Math.sin(angle), y: to.y + 2 * joint * Math.cos(angle) };
  }

  /** A small round bone. */
  pebble(x: number, y: number, radius: number): void {
    const size = this.vary(radius, 0.2);
    const at = { x: x + this.vary(0.004, 1), y: y + this.vary(0.004, 1) };
    this.bones.push({
      x0: at.x,
      y0: at.y,
      x1: at.x,
      y1: at.y + size / 2,
      radius: size,
      flare: 0,
      breakable: false,
    });
  }

  /** A metacarpal and the phalanges that follow it. */
  ray(from: Joint, degrees: number, lengths: readonly number[], radius: number): void {
    lengths.reduce(
      (at, length, i) => this.bone(at, degrees, length, radius * 0.88 ** i, 0.35, i === 0),
      from,
    );
  }
}

const DRAW: Record<Region, (pen: Pen) => void> = {
  finger(pen) {
    let at = pen.bone({ x: 0, y: 0 }, 0, 0.34, 0.066, 0.4, true);
    at = pen.bone(at, pen.vary(0, 0), 0.24, 0.057, 0.35, true);
    pen.bone(at, 0, 0.15, 0.046, 0.25, false);
  },
  hand(pen) {
    const lengths = [0.28, 0.16];
    for (let ray = 0; ray < 4; ray++) {
      pen.ray({ x: 0.095 * (ray - 1.5), y: 0.02 * Math.abs(ray - 1) }, 8 * (ray - 1.5), lengths, 0.033);
    }
    pen.ray({ x: -0.19, y: -0.04 }, -38, [0.19, 0.12], 0.033);
    for (let i = 0; i < 6; i++) pen.pebble(0.1 * ((i % 3) - 1), -0.05 - 0.07 * Math.floor(i / 3), 0.034);
  },
  wrist(pen) {
    pen.bone({ x: -0.085, y: -0.6 }, 0, 0.46, 0.062, 0.45, true);
    pen.bone({ x: 0.085, y: -0.6 }, 0, 0.44, 0.05, 0.4, true);
    for (let i = 0; i < 7; i++) {
      pen.pebble(i < 3 ? 0.085 * (i - 1) : 0.075 * (i - 4.5), i < 3 ? -0.02 : 0.065, 0.038);
    }
    for (let ray = 0; ray < 4; ray++) {
      pen.bone({ x: 0.075 * (ray - 1.5), y: 0.14 }, 9 * (ray - 1.5), 0.14, 0.026, 0.35, false);
    }
  },
  forearm(pen) {
    pen.bone({ x: -0.1, y: 0 }, 3, 0.84, 0.055, 0.4, true);
    pen.bone({ x: 0.1, y: 0.02 }, -3, 0.84, 0.05, 0.35, true);
  },
  elbow(pen) {
    const joint = pen.bone({ x: 0, y: -0.5 }, 0, 0.44, 0.072, 0.6, true);
    const bend = 12 + pen.vary(8, 1);
    pen.bone({ x: joint.x - 0.075, y: joint.y }, bend, 0.44, 0.055, 0.4, true);
    pen.bone({ x: joint.x + 0.075, y: joint.y - 0.03 }, bend, 0.46, 0.058, 0.4, true);
  },
  humerus(pen) {
    pen.bone({ x: 0, y: 0 }, 0, 0.8, 0.075, 0.5, true);
    pen.pebble(-0.03, -0.01, 0.12);
  },
  shoulder(pen) {
    pen.bone({ x: 0, y: 0 }, 8, 0.56, 0.072, 0.45, true);
    pen.pebble(-0.03, -0.02, 0.105);
    pen.bone({ x: -0.48, y: -0.22 }, 82, 0.42, 0.046, 0.3, true);
    pen.bone({ x: -0.16, y: -0.04 }, -18, 0.46, 0.026, 0.1, false);
    pen.bone({ x: -0.2, y: -0.02 }, -52, 0.3, 0.022, 0.1, false);
  },
};

/** The bones of a region, as one patient has them. */
export function skeleton(region: Region, random: Generator): Bone[] {
  const pen = new Pen(random);
  DRAW[region](pen);
  return pen.bones;
}
