/** The metrics of predictions, their curves and their intervals. */
export * from './binary-metrics.ts';
export * from './class-metrics.ts';
export * from './curves.ts';
export * from './intervals.ts';
export type { Numbers, Prediction, ViewPrediction } from './predictions.ts';
export * from './score-intervals.ts';
