/**
 * What the Winograd kernels share: rows of 4x4 tiles, counted over all images, and the first half of the transform of
 * input tiles. That half works on columns, so a row of tiles is transformed at once, into a strip of 6 lines.
 */
import type { FunctionBuilder } from '../emit/assembler.ts';
import { I32, type V128 } from '../emit/values.ts';
import { ALPHA, TILE, type Transform } from './transforms.ts';

/** Planes of which each row of tiles reads `lines` rows, from 4 * row + originY on; outside lie zeros. */
export interface TiledPlanes {
  readonly height: number;
  readonly width: number;
  readonly imageStride: number;
  readonly originY: number;
  readonly originX: number;
  readonly lines: 4 | 6;
  /** Tiles of an image. */
  readonly tileRows: number;
  readonly tileColumns: number;
}

export const tilesAlong = (size: number): number => Math.ceil(size / TILE);

/** Values of a line of a strip: the last input tile reads four columns more. */
export const stripWidth = ({ tileColumns, lines }: TiledPlanes): number =>
  TILE * (tileColumns + (lines === 6 ? 1 : 0));
export const stripBytes = (planes: TiledPlanes): number => ALPHA * stripWidth(planes) * 4;

/** A row of zeros that stands for the rows outside. */
export const zerosBytes = ({ width }: TiledPlanes): number => 64 * Math.ceil(width / 16);

/** The columns of a plane that a strip holds: the first, its column in the strip, and their number. */
const columnsOf = (planes: TiledPlanes) => {
  const first = Math.max(0, planes.originX);
  const target = first - planes.originX;
  return { first, target, count: Math.min(planes.width - first, stripWidth(planes) - target) };
};

/**
 * Tells, for each line of a row of tiles, where its columns lie in the first plane of `source`: `visit` gets their
 * address and a mask for the offset of another plane: all ones, or 0 for the row of zeros, which all planes use.
 */
export function emitLines(
  f: FunctionBuilder,
  planes: TiledPlanes,
  tileRow: I32,
  source: I32,
  zeros: I32,
  visit: (line: number, address: I32, mask: I32) => void,
): void {
  const image = f.i32(source.add(tileRow.div(planes.tileRows).mul(planes.imageStride * 4)));
  const top = f.i32(tileRow.rem(planes.tileRows).mul(TILE).add(planes.originY));
  const [row, inside] = [f.i32(), f.i32()];
  for (let line = 0; line < planes.lines; line++) {
    row.set(top.add(line));
    inside.set(row.below(planes.height));
    const address = image.add(row.mul(planes.width).add(columnsOf(planes).first).shl(2));
    visit(line, inside.select(address, zeros), inside.mul(-1));
  }
}

/** Transforms the columns of a row of tiles, whose lines lie at `rows`, into a strip of 6 lines at `strip`. */
export function emitColumns(
  f: FunctionBuilder,
  planes: TiledPlanes,
  rows: readonly I32[],
  strip: I32,
  transform: Transform,
  fused: boolean,
): void {
  const { target, count } = columnsOf(planes);
  if (count <= 0) return;
  const lineBytes = stripWidth(planes) * 4;
  const offset = f.i32(0);
  const values = rows.map(() => f.v128());
  const column = (load: (address: I32) => V128, store: (to: I32, value: V128, offset: number) => void) => {
    rows.forEach((row, line) => {
      values[line].set(load(row.add(offset)));
    });
    const to = f.i32(strip.add(offset));
    transform(f, values, fused).forEach((value, line) => {
      store(to, value, line * lineBytes + target * 4);
    });
  };
  const four = () =>
    column(
      (address) => address.v128(),
      (to, value, offset) => f.store(to, value, offset),
    );
  if (count < 4) {
    f.repeat(I32.const(count), () => {
      column(
        (address) => address.splat32(),
        (to, value, offset) => f.storeLane(to, value, 0, offset),
      );
      offset.set(offset.add(4));
    });
    return;
  }
  f.while(offset.lt(16 * Math.floor(count / 4)), () => {
    four();
    offset.set(offset.add(16));
  });
  if (count % 4 === 0) return;
  offset.set((count - 4) * 4);
  four();
}
