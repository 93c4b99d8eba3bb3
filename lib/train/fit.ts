import type { Batch, DataLoader } from '../data/loader.ts';
import { TrainingError } from '../errors.ts';
import type { Module } from '../nn/module.ts';
import { binaryCrossEntropyWithLogits } from '../ops/binary-cross-entropy.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { download } from '../serialize/safetensors.ts';
import { tidy } from '../tensor/scope.ts';
import { evaluate } from './evaluate.ts';
import { computeMetrics } from './metrics.ts';
import { formatDuration, ProgressBar } from './progress.ts';
import { restoreSnapshot, type Snapshot } from './snapshot.ts';

/** Accuracy and kappa at the threshold 0.5. */
export type EpochMetrics = Readonly<Record<'loss' | 'accuracy' | 'auroc' | 'kappa', number>>;

/** One line of a training's history. */
export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  /** Over the batches as they were trained on: augmented, in training mode, the loss with its weights. */
  readonly train: EpochMetrics;
  readonly validation: EpochMetrics | null;
  /** The learning rate of the first parameter group, at the end. */
  readonly lr: number;
  /** Of training, validation left out. */
  readonly imagesPerSecond: number;
  /** The share of the training's time that was spent waiting for batches, from 0 to 1. */
  readonly dataWait: number;
}

/** Where a training stands after an epoch; with the optimiser's and the schedule's state, all it needs to go on. */
export interface FitState {
  readonly history: readonly EpochRecord[];
  /** The epoch of least validation loss (from 1), and the weights that it had. */
  readonly best: { readonly epoch: number; readonly loss: number; readonly weights: Snapshot } | null;
}

export interface FitOptions {
  optimizer: Optimizer;
  epochs: number;
  /** Any of `optim`'s schedules. */
  scheduler?: { step(metric: number): void };
  /** When the schedule steps: after each epoch, with the validation loss (default), or after each batch. */
  schedulerStep?: 'epoch' | 'batch';
  /** Evaluated after each epoch. The weights of least loss on it are those that the model has in the end. */
  validation?: DataLoader;
  /** Stops after so many epochs without a lesser validation loss; default never. */
  patience?: number;
  /** Goes on from here; model, optimiser and schedule must be as they were then. */
  state?: FitState;
  /** Called before each epoch (from 1), to freeze layers or thaw them, say. */
  beforeEpoch?: (epoch: number) => void;
  /** Called after each epoch, to save a checkpoint. */
  onEpoch?: (state: FitState) => void | Promise<void>;
  /** Default a progress bar on stdout; null for none. */
  progress?: ProgressBar | null;
  /** Ends the training before the next step when aborted. */
  signal?: AbortSignal;
}

export interface FitResult extends FitState {
  /** Why it ended. */
  readonly ended: 'all epochs' | 'patience' | 'aborted';
}

/**
 * Trains a model of one logit on binary labels, by cross-entropy with the loader's weights.
 * @throws TrainingError when the loss is NaN or infinite
 */
export async function fit(model: Module, train: DataLoader, options: FitOptions): Promise<FitResult> {
  const { epochs, validation, patience = Number.POSITIVE_INFINITY, onEpoch } = options;
  const progress = options.progress === undefined ? new ProgressBar() : options.progress;
  const { scheduler, schedulerStep = 'epoch' } = options;
  const history = [...(options.state?.history ?? [])];
  let best = options.state?.best ?? null;
  let ended: FitResult['ended'] = 'all epochs';
  for (let epoch = history.length + 1; epoch <= epochs; epoch++) {
    if (best && history.length - best.epoch >= patience) {
      ended = 'patience';
      break;
    }
    options.beforeEpoch?.(epoch);
    const trained = await trainEpoch(model, train, epoch, progress, options);
    if (!trained) {
      ended = 'aborted';
      break;
    }
    const checked = validation ? await evaluate(model, validation) : null;
    if (schedulerStep === 'epoch') scheduler?.step(checked?.loss ?? trained.train.loss);
    const record = { epoch, ...trained, validation: checked && summarize(checked) };
    history.push(record);
    if (checked && checked.loss < (best?.loss ?? Number.POSITIVE_INFINITY)) {
      best = { epoch, loss: checked.loss, weights: await download(model.stateDict()) };
    }
    progress?.print(describe(record, epochs));
    await onEpoch?.({ history, best });
  }
  if (best) restoreSnapshot(model, best.weights);
  return { history, best, ended };
}

function summarize({
  loss,
  labels,
  scores,
}: {
  loss: number;
  labels: ArrayLike<number>;
  scores: ArrayLike<number>;
}): EpochMetrics {
  const { accuracy, auroc, kappa } = computeMetrics(labels, scores);
  return { loss, accuracy, auroc, kappa };
}

function describe(record: EpochRecord, epochs: number): string {
  const { epoch, train, validation, imagesPerSecond, dataWait } = record;
  const metrics = (values: EpochMetrics) =>
    Object.entries(values)
      .map(([name, value]) => `${name} ${value.toFixed(3)}`)
      .join(', ');
  return [
    `epoch ${epoch}/${epochs}  train: ${metrics(train)}`,
    ...(validation ? [`validation: ${metrics(validation)}`] : []),
    `${imagesPerSecond.toFixed(1)} images/s, data wait ${percent(dataWait)}`,
  ].join('  ');
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** One pass over the images; null when aborted. */
async function trainEpoch(
  model: Module,
  loader: DataLoader,
  epoch: number,
  progress: ProgressBar | null,
  { optimizer, epochs, scheduler, schedulerStep, signal }: FitOptions,
): Promise<Omit<EpochRecord, 'epoch' | 'validation'> | null> {
  const start = performance.now();
  const secondsSince = (time: number) => (performance.now() - time) / 1000;
  let [sum, batches, waited, waitingSince] = [0, 0, 0, start];
  const labels: number[] = [];
  const scores: number[] = [];
  model.train();
  for await (const batch of loader.epoch(epoch - 1)) {
    waited += secondsSince(waitingSince);
    if (signal?.aborted) return null;
    const { loss, logits } = await trainStep(model, batch, optimizer);
    batches++;
    if (!Number.isFinite(loss)) {
      throw new TrainingError(
        `fit: the loss is ${loss} in epoch ${epoch}, batch ${batches} of ${loader.length}, at learning rate ${optimizer.groups[0].lr}; a lower one, or clipped gradients, may help`,
      );
    }
    if (schedulerStep === 'batch') scheduler?.step(loss);
    sum += loss * batch.size;
    labels.push(...batch.targets);
    for (const logit of logits) scores.push(1 / (1 + Math.exp(-logit)));
    const seconds = secondsSince(start);
    const left = (seconds / batches) * (loader.length * (epochs - epoch + 1) - batches);
    progress?.update(
      `epoch ${epoch}/${epochs}`,
      batches / loader.length,
      [
        `loss ${(sum / labels.length).toFixed(4)}`,
        `ETA ${formatDuration(left)}`,
        `${(labels.length / seconds).toFixed(1)} images/s`,
        `data wait ${percent(waited / seconds)}`,
      ].join('  '),
    );
    waitingSince = performance.now();
  }
  const seconds = secondsSince(start);
  return {
    train: summarize({ loss: sum / labels.length, labels, scores }),
    lr: optimizer.groups[0].lr,
    imagesPerSecond: labels.length / seconds,
    dataWait: waited / seconds,
  };
}

/** Forward, backward and the optimiser's step; the loss, and what the network said of each image. */
async function trainStep(
  model: Module,
  batch: Batch,
  optimizer: Optimizer,
): Promise<{ loss: number; logits: Float32Array }> {
  const { loss, logits } = tidy(() => {
    const { x, y, weight } = batch.tensors();
    const logits = model.forward(x);
    const loss = binaryCrossEntropyWithLogits(logits, y, { weight });
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return { loss, logits };
  });
  try {
    return { loss: await loss.item(), logits: await logits.data() };
  } finally {
    loss.dispose();
    logits.dispose();
  }
}
