/** What the kernel benchmark found, and its table. */
import { formatTable } from '../../lib/report/table.ts';
import { type Limits, leastMs } from '../measure/limits.ts';
import { digits, percent, type Sample } from '../measure/statistics.ts';

/** A measured kernel; without `sample` it was left out: a run did not fit into its share of the time. */
export interface KernelRow {
  readonly kernel: string;
  readonly shape: string;
  readonly pass: string;
  readonly flops: number;
  readonly bytes: number;
  /** Of milliseconds. */
  readonly sample: Sample | null;
}

export interface KernelReport {
  readonly device: string;
  readonly machine: string;
  readonly batch: number;
  readonly limits: Limits;
  readonly rows: readonly KernelRow[];
}

const HEADER = ['kernel', 'pass', 'ms', '+-', 'runs', 'GFLOPS', 'GB/s', 'of limit'];

export function kernelTable({ limits, rows }: KernelReport): string {
  const table = formatTable([HEADER, ...rows.map((row) => columns(row, limits))]);
  return `${table}\n\n${NOTES}`;
}

const NOTES = `+-: half the distance between the quartiles. of limit: the time that the row's operations take at the device's peak, or its
bytes at the speed of a copy of that size, whichever is longer, as a share of the time it took. 3x3 convolutions of stride 1
may pass 100 %: operations are counted as the direct method's, and Winograd's does with fewer multiplications. left out: a run
would have taken longer than the row's share of the time.`;

function columns({ kernel, shape, pass, flops, bytes, sample }: KernelRow, limits: Limits): string[] {
  const name = `${kernel} ${shape}`;
  if (!sample) return [name, pass, 'left out', '', '', '', '', ''];
  const { median, spread, runs } = sample;
  return [
    name,
    pass,
    digits(median),
    runs > 1 ? percent(spread) : '',
    String(runs),
    flops ? (flops / median / 1e6).toFixed(1) : '',
    (bytes / median / 1e6).toFixed(1),
    percent(leastMs(limits, flops, bytes) / median),
  ];
}
