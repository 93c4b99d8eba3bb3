import type { BatchNormGeometry, BatchNormOperands, Storage } from '../../primitives.ts';
import type { Family, Machine } from '../machine.ts';
import { CHUNK, chunks, sum } from '../tasks.ts';
import {
  type BatchNormForm,
  batchNormGradKernel,
  batchNormKernel,
  batchNormStatisticsKernel,
  CHANNEL_ENTRY_BYTES,
} from './kernels.ts';

/** What tells one batch norm kernel from another. */
const formOf = <S extends Storage>(
  { weight, bias, residual }: BatchNormOperands<S>,
  { relu }: BatchNormGeometry,
): BatchNormForm => ({ weight: weight !== null, bias: bias !== null, residual: residual !== null, relu });

export function batchNormalization<S extends Storage>({
  launcher,
  allocate,
  addressOf,
}: Machine<S>): Family<S, 'batchNormStatistics' | 'batchNorm' | 'batchNormGrad'> {
  const addressOrZero = (x: S | null): number => (x ? addressOf(x) : 0);

  const argumentsOf = (operands: BatchNormOperands<S>, g: BatchNormGeometry) => ({
    mean: addressOf(operands.mean),
    variance: addressOf(operands.variance),
    weight: addressOrZero(operands.weight),
    bias: addressOrZero(operands.bias),
    residual: addressOrZero(operands.residual),
    batch: g.batch,
    channels: sum(g.channels),
    spatial: g.spatial,
    eps: g.eps,
  });

  /** Calls `use` with the address of the table of channels that the kernels read (see CHANNEL_ENTRY). */
  function withChannelTable(
    xs: readonly S[],
    outputs: readonly S[],
    { channels, spatial }: BatchNormGeometry,
    use: (channelTable: number) => void,
  ): void {
    launcher.withScratch(CHANNEL_ENTRY_BYTES * sum(channels), (channelTable) => {
      const table = launcher.heap.i32;
      const planeBytes = 4 * spatial;
      let word = channelTable / 4;
      channels.forEach((count, part) => {
        const [x, output] = [addressOf(xs[part]), addressOf(outputs[part])];
        for (let c = 0; c < count; c++) {
          table[word++] = x + c * planeBytes;
          table[word++] = count * planeBytes;
          table[word++] = output + c * planeBytes;
        }
      });
      use(channelTable);
    });
  }

  return {
    batchNormStatistics(x, { batch, channels, spatial }) {
      const [mean, variance] = [allocate(channels), allocate(channels)];
      launcher.launch(batchNormStatisticsKernel, channels, {
        x: addressOf(x),
        mean: addressOf(mean),
        variance: addressOf(variance),
        batch,
        channels,
        spatial,
      });
      return { mean, variance };
    },

    batchNorm(xs, operands, g) {
      const rows = g.batch * sum(g.channels);
      const out = allocate(rows * g.spatial);
      const { tasks, chunk } = chunks(rows, Math.ceil(CHUNK / g.spatial), 1);
      withChannelTable(xs, xs, g, (channelTable) =>
        launcher.launch(batchNormKernel(formOf(operands, g)), tasks, {
          ...argumentsOf(operands, g),
          channelTable,
          out: addressOf(out),
          rows: chunk,
        }),
      );
      return out;
    },

    batchNormGrad(dy, xs, operands, g) {
      const channels = sum(g.channels);
      const inputs = xs.map((x) => allocate(x.length));
      const [weight, bias] = [allocate(channels), allocate(channels)];
      const residual = g.relu && operands.residual ? allocate(dy.length) : null;
      withChannelTable(xs, inputs, g, (channelTable) =>
        launcher.launch(batchNormGradKernel(formOf(operands, g), g.training), channels, {
          ...argumentsOf(operands, g),
          channelTable,
          dy: addressOf(dy),
          dResidual: addressOrZero(residual),
          dWeight: addressOf(weight),
          dBias: addressOf(bias),
        }),
      );
      return { inputs, weight, bias, residual };
    },
  };
}
