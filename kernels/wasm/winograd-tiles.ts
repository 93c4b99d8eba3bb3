/** What the Winograd kernels share: tiles of 2x2 outputs, four at a time, and the patches of a plane under them. */
import type { FunctionBuilder } from './assembler.ts';
import { I32, type Local, type V128 } from './values.ts';
import { NOWHERE } from './window.ts';

export type Grid = readonly (readonly V128[])[];
export type Transform = (values: readonly V128[]) => V128[];

/** M X M^T for the matrix M that `transform` multiplies a vector by. */
export function bothSides(f: FunctionBuilder, x: Grid, transform: Transform): Local<V128>[][] {
  const apply = (grid: Grid) => grid.map((row) => transform(row).map((value) => f.v128(value)));
  const flip = (grid: Grid) => grid[0].map((_, j) => grid.map((row) => row[j]));
  return flip(apply(flip(apply(x)))) as Local<V128>[][];
}

export const gridOf = <T>(rows: number, columns: number, make: (row: number, column: number) => T): T[][] =>
  Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => make(row, column)));

export const inputTransform: Transform = ([a, b, c, d]) => [a.sub(c), b.add(c), c.sub(b), b.sub(d)];

/** The planes whose 2x2 tiles are counted, image by image. */
export interface TiledPlanes {
  readonly height: number;
  readonly width: number;
}

export const tilesOf = ({ height, width }: TiledPlanes): number =>
  Math.ceil(height / 2) * Math.ceil(width / 2);

/** Where four neighbouring tiles stand. */
export interface TileGroup {
  readonly lanes: readonly { readonly image: Local<I32>; readonly y: Local<I32>; readonly x: Local<I32> }[];
  /** All four exist, in one row of one image. */
  readonly oneRow: Local<I32>;
}

/** The image and tile coordinates of tiles `tile` to tile + 3; those from `tiles` on get the row NOWHERE. */
export function tileGroup(f: FunctionBuilder, planes: TiledPlanes, tile: I32, tiles: I32): TileGroup {
  const across = Math.ceil(planes.width / 2);
  const perImage = tilesOf(planes);
  const place = f.i32(tile.rem(perImage));
  const image = f.i32(tile.div(perImage));
  const y = f.i32(place.div(across));
  const x = f.i32(place.rem(across));
  const oneRow = f.i32(x.add(4).le(across).and(tile.add(4).le(tiles)));
  const lanes = [0, 1, 2, 3].map((l) => {
    const lane = {
      image: f.i32(image),
      y: f.i32(tile.add(l).lt(tiles).select(y, I32.const(NOWHERE))),
      x: f.i32(x),
    };
    x.set(x.add(1));
    f.if(x.eq(across), () => {
      x.set(0);
      y.set(y.add(1));
      f.if(y.eq(perImage / across), () => {
        y.set(0);
        image.set(image.add(1));
      });
    });
    return lane;
  });
  return { lanes, oneRow };
}

/** Planes from which each tile reads a patch, at twice its place plus the origin; outside lie zeros. */
export interface PatchedPlanes {
  readonly height: number;
  readonly width: number;
  readonly imageStride: number;
  readonly originY: number;
  readonly originX: number;
  /** Rows and columns of a patch. */
  readonly patch: 2 | 4;
}

/** Bytes of the table that reading patches needs. */
export const PATCH_TABLE_BYTES = 16 * 32;

/**
 * Emits the reading of four tiles' patches from a plane of `source` and its successors: `emit` is called, at run time
 * of the emitter, once for each way of reading, and emits the loop over planes. `load` gives the current plane's
 * patch, its lanes the four tiles; `next` moves on.
 */
export function emitPatches(
  f: FunctionBuilder,
  planes: PatchedPlanes,
  group: TileGroup,
  source: I32,
  table: I32,
  emit: (load: () => Grid, next: () => void) => void,
): void {
  const { height, width, patch } = planes;
  const offset = f.i32();
  const next = () => offset.set(offset.add(height * width * 4));
  const corners = group.lanes.map((lane) => ({
    base: f.i32(source.add(lane.image.mul(planes.imageStride * 4))),
    y: f.i32(lane.y.mul(2).add(planes.originY)),
    x: f.i32(lane.x.mul(2).add(planes.originX)),
  }));
  const [{ base, y, x }] = corners;
  const rowsInside = y.ge(0).and(y.add(patch).le(height));
  const columnsInside = x.ge(0).and(x.add(6 + patch).le(width));
  offset.set(0);
  f.if(
    group.oneRow.and(rowsInside).and(columnsInside),
    () => {
      const corner = f.i32(base.add(y.mul(width).add(x).shl(2)));
      const first = f.i32();
      const even = (u: V128, v: V128) => f.v128(u.shuffle(v, [0, 2, 4, 6]));
      const odd = (u: V128, v: V128) => f.v128(u.shuffle(v, [1, 3, 5, 7]));
      emit(() => {
        first.set(corner.add(offset));
        return Array.from({ length: patch }, (_, line) => {
          const load = (place: number) => f.v128(first.v128(line * width * 4 + place));
          const pairs = patch === 2 ? [0] : [0, 8];
          return pairs.flatMap((place) => {
            const [low, high] = [load(place), load(place + 16)];
            return [even(low, high), odd(low, high)];
          });
        });
      }, next);
    },
    () => {
      const mask = f.v128();
      const valid = f.i32();
      const entry = (line: number, column: number) => (line * patch + column) * 32;
      gridOf(patch, patch, (line, column) => {
        corners.forEach((corner, l) => {
          const row = f.i32(corner.y.add(line));
          const place = f.i32(corner.x.add(column));
          valid.set(row.below(height).and(place.below(width)));
          const address = corner.base.add(row.mul(width).add(place).shl(2));
          f.store(table, valid.select(address, source), entry(line, column) + l * 4);
          mask.set(mask.withLane(l, I32.const(0).sub(valid).asF32()));
        });
        f.store(table, mask, entry(line, column) + 16);
      });
      emit(
        () =>
          gridOf(patch, patch, (line, column) => {
            const address = (l: number) => table.i32(entry(line, column) + l * 4).add(offset);
            const gathered = [1, 2, 3].reduce<V128>(
              (vector, l) => address(l).lane32(vector, l),
              address(0).splat32(),
            );
            return f.v128(gathered.and(table.v128(entry(line, column) + 16)));
          }),
        next,
      );
    },
  );
}
