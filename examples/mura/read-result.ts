/** `result.json` as it comes back. */
import { readers } from '../../lib/node.ts';
import type { Result } from './experiment.ts';
import type { Interval, Measure } from './measures.ts';
import { readSettings } from './read-settings.ts';

const { count, flag, finite, list, nullable, object, oneOf, positiveCount, text, within } = readers;

const share = within(0, 1);
const ends = readers.reader<readonly unknown[]>(
  'two ends of an interval',
  (value) => Array.isArray(value) && value.length === 2,
);
const interval: readers.Reader<Interval> = (value, field) => {
  const [low, high] = ends(value, field);
  return [nullable(finite)(low, `${field}[0]`), nullable(finite)(high, `${field}[1]`)];
};

const measure = object<Measure>({
  unit: oneOf(['image', 'study']),
  region: text,
  n: count,
  accuracy: share,
  accuracyInterval: interval,
  majority: share,
  kappa: nullable(within(-1, 1)),
  kappaInterval: interval,
  auroc: nullable(share),
  sensitivity: nullable(share),
  specificity: nullable(share),
  collapsed: flag,
});

export const readResult = object<Result>({
  settings: readSettings,
  device: text,
  threshold: share,
  networks: list(
    object<Result['networks'][number]>({ seed: finite, epochs: count, best: nullable(positiveCount) }),
  ),
  seconds: readers.fromZero,
  measures: list(measure),
});
