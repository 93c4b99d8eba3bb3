import { ShapeError } from '../errors.ts';

/** An array of numbers, typed or not. */
export type Numbers = ArrayLike<number>;

/** A score with its label and whose it is. */
export interface Prediction {
  /** 0 or 1. */
  readonly label: number;
  /** Of class 1: a probability, or any number that grows with it. */
  readonly score: number;
  /** Whose it is: predictions of one patient are not independent. */
  readonly patient: number;
}

/** A prediction of one view of a study. */
export interface ViewPrediction extends Prediction {
  /** One examination of one patient, with one label for all its views. */
  readonly study: string;
}

/** @throws ShapeError unless there is one score a label, and every label is 0 or 1 */
export function checkLabels(labels: Numbers, scores: Numbers): void {
  if (labels.length !== scores.length) {
    throw new ShapeError(`metrics: ${labels.length} labels and ${scores.length} scores are not one each`);
  }
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== 0 && labels[i] !== 1)
      throw new ShapeError(`metrics: label ${i} is ${labels[i]}, wants 0 or 1`);
  }
}

/** @throws ShapeError where a score is NaN: it has no place among the others */
export function checkScores(op: string, scores: Numbers): void {
  for (let i = 0; i < scores.length; i++) {
    if (Number.isNaN(scores[i])) throw new ShapeError(`${op}: score ${i} is NaN`);
  }
}

/** Predictions of one score. */
export interface Tie {
  readonly score: number;
  readonly positives: number;
  readonly negatives: number;
}

/** How many of either class have each score, the highest score first. */
export function tiesOf(labels: Numbers, scores: Numbers): Tie[] {
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[b] - scores[a]);
  const ties: { score: number; positives: number; negatives: number }[] = [];
  for (const i of order) {
    let tie = ties.at(-1);
    if (tie?.score !== scores[i]) {
      tie = { score: scores[i], positives: 0, negatives: 0 };
      ties.push(tie);
    }
    if (labels[i] === 1) tie.positives++;
    else tie.negatives++;
  }
  return ties;
}
