import type { EpochMeter } from './epoch-meter.ts';
import { formatDuration } from './progress.ts';
import type { EpochMetrics, EpochRecord } from './state.ts';

/** The figures of a running epoch. @param left seconds to the end of the training */
export function describeProgress(meter: EpochMeter, left: number): string {
  return [
    `loss ${meter.loss.toFixed(4)}`,
    `ETA ${formatDuration(left)}`,
    `${meter.imagesPerSecond.toFixed(1)} images/s`,
    `data wait ${percent(meter.dataWait)}`,
  ].join('  ');
}

/** The figures of a finished epoch. */
export function describeEpoch({ train, validation, imagesPerSecond, dataWait }: EpochRecord): string {
  return [
    `train: ${describeMetrics(train)}`,
    ...(validation ? [`validation: ${describeMetrics(validation)}`] : []),
    `${imagesPerSecond.toFixed(1)} images/s, data wait ${percent(dataWait)}`,
  ].join('  ');
}

const describeMetrics = (metrics: EpochMetrics): string =>
  Object.entries(metrics)
    .map(([name, value]) => `${name} ${value.toFixed(3)}`)
    .join(', ');

const percent = (share: number): string => `${Math.round(100 * share)} %`;
