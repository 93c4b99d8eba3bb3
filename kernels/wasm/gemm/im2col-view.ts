import type { FunctionBuilder } from '../emit/assembler.ts';
import { I32, type Local, V128 } from '../emit/values.ts';

/**
 * How a convolution reads planes of `height` by `width`: a grid of positions, each with taps. Tap (ty, tx) of
 * position (gy, gx) is row gy * strideY + originY + ty * dilationY, and column likewise; outside the plane lie zeros.
 * Positions of all images are numbered in one row, image by image: the `columns` of the matrix product.
 */
export interface Im2colView {
  readonly height: number;
  readonly width: number;
  readonly gridHeight: number;
  readonly gridWidth: number;
  readonly strideY: number;
  readonly strideX: number;
  readonly originY: number;
  readonly originX: number;
  readonly tapsY: number;
  readonly tapsX: number;
  readonly dilationY: number;
  readonly dilationX: number;
  /** Values from one image to the next. */
  readonly imageStride: number;
}

export const tapsOf = (view: Im2colView): number => view.tapsY * view.tapsX;
export const keyOf = (view: object): string => Object.values(view).join(' ');

/** Planes of `size` values that are read as they stand. */
export const plainView = (size: number, imageStride: number): Im2colView => ({
  height: 1,
  width: size,
  gridHeight: 1,
  gridWidth: size,
  strideY: 1,
  strideX: 1,
  originY: 0,
  originX: 0,
  tapsY: 1,
  tapsX: 1,
  dilationY: 1,
  dilationX: 1,
  imageStride,
});

/** A view that reads each value once, in order, is a plain one. */
export function simplify(view: Im2colView): Im2colView {
  const plain =
    tapsOf(view) === 1 &&
    view.strideY === 1 &&
    view.strideX === 1 &&
    view.originY === 0 &&
    view.originX === 0 &&
    view.gridHeight === view.height &&
    view.gridWidth === view.width;
  return plain ? plainView(view.height * view.width, view.imageStride) : view;
}

/** A row that no plane has. */
export const NOWHERE = -(2 ** 24);

/**
 * Emits the code that reads four neighbouring columns, `column` to column + 3, of a plane and its successors, tap by
 * tap. `source` is the first image's plane to start with. For each tap, `store` is called, at run time of the emitter,
 * once for each way of reading: it emits the loop over the planes, with `load` giving the vector of the current plane
 * and `next` moving on to the next. Columns from `columns` on read as zero.
 */
export function emitViewGroup(
  f: FunctionBuilder,
  view: Im2colView,
  source: I32,
  column: I32,
  columns: I32,
  store: (tap: Local<I32>, load: () => V128, next: () => void) => void,
): void {
  const { height, width, gridHeight, gridWidth, strideX, strideY } = view;
  const planeBytes = height * width * 4;
  const lanes = [0, 1, 2, 3].map(() => ({ base: f.i32(), row: f.i32(), column: f.i32() }));
  const position = f.i32(column.rem(gridHeight * gridWidth));
  const image = f.i32(source.add(column.div(gridHeight * gridWidth).mul(view.imageStride * 4)));
  const gy = f.i32(position.div(gridWidth));
  const gx = f.i32(position.rem(gridWidth));
  const inOneRow = f.i32(gx.add(4).le(gridWidth).and(column.add(4).le(columns)));
  lanes.forEach((lane, l) => {
    lane.base.set(image);
    lane.row.set(column.add(l).lt(columns).select(gy.mul(strideY).add(view.originY), I32.const(NOWHERE)));
    lane.column.set(gx.mul(strideX).add(view.originX));
    if (l === 3) return;
    gx.set(gx.add(1));
    f.if(gx.eq(gridWidth), () => {
      gx.set(0);
      gy.set(gy.add(1));
      f.if(gy.eq(gridHeight), () => {
        gy.set(0);
        image.set(image.add(view.imageStride * 4));
      });
    });
  });

  const [tap, offset, first] = [f.i32(), f.i32(), f.i32()];
  const addresses = lanes.map(() => f.i32());
  const mask = f.v128();
  const valid = f.i32();
  const next = () => offset.set(offset.add(planeBytes));
  const gather = () => {
    mask.set(0);
    lanes.forEach((lane, l) => {
      const row = f.i32(lane.row.add(tapY.mul(view.dilationY)));
      const tapColumn = f.i32(lane.column.add(tapX.mul(view.dilationX)));
      valid.set(row.below(height).and(tapColumn.below(width)));
      addresses[l].set(valid.select(lane.base.add(row.mul(width).add(tapColumn).shl(2)), source));
      mask.set(mask.withLane(l, I32.const(0).sub(valid).asF32()));
    });
    offset.set(0);
    f.if(
      mask.anyTrue(),
      () =>
        store(
          tap,
          () => {
            const gathered = addresses
              .slice(1)
              .reduce<V128>(
                (vector, address, l) => address.add(offset).lane32(vector, l + 1),
                addresses[0].add(offset).splat32(),
              );
            return gathered.and(mask);
          },
          next,
        ),
      () => store(tap, () => V128.const(0), next),
    );
  };
  tap.set(0);
  const tapY = f.i32();
  const tapX = f.i32();
  f.for(
    0,
    view.tapsY,
    () => {
      f.for(
        0,
        view.tapsX,
        () => {
          if (strideX <= 2) {
            const row = f.i32(lanes[0].row.add(tapY.mul(view.dilationY)));
            const tapColumn = f.i32(lanes[0].column.add(tapX.mul(view.dilationX)));
            const inside = inOneRow
              .and(row.below(height))
              .and(tapColumn.ge(0))
              .and(tapColumn.add(4 * strideX).le(width));
            f.if(
              inside,
              () => {
                first.set(lanes[0].base.add(row.mul(width).add(tapColumn).shl(2)));
                store(
                  tap,
                  () => (strideX === 1 ? first.v128() : first.v128().shuffle(first.v128(16), [0, 2, 4, 6])),
                  () => first.set(first.add(planeBytes)),
                );
              },
              gather,
            );
          } else gather();
          tap.set(tap.add(1));
        },
        1,
        tapX,
      );
    },
    1,
    tapY,
  );
}
