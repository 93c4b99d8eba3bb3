import { checkOptionNames } from '../arguments.ts';
import type { Batch } from '../data/batch.ts';
import type { DataLoader } from '../data/loader.ts';
import { ShapeError, TrainingError } from '../errors.ts';
import { clipGradNorm } from '../nn/clip-grad.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { download } from '../serialize/safetensors.ts';
import { generator } from '../tensor/random.ts';
import { Autosave, type CheckpointOptions } from './autosave.ts';
import type { Callback } from './callback.ts';
import { describeEpoch, describeProgress } from './describe-epoch.ts';
import { diagnoseBatch, diagnoseForward, findNonFinite } from './diagnose.ts';
import { EpochMeter } from './epoch-meter.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { mixup } from './mixup.ts';
import { type Objective, type ObjectiveOptions, objectiveOf } from './objective.ts';
import { ProgressBar } from './progress.ts';
import { restoreSnapshot } from './snapshot.ts';
import type { EpochRecord, FitState, Schedule } from './state.ts';
import { accumulateGradients } from './train-step.ts';

export type { CheckpointOptions } from './autosave.ts';
export type { BestEpoch, EpochMetrics, EpochRecord, FitState, Schedule, UnfinishedEpoch } from './state.ts';

/** What `fit` asks of an `AbortSignal`. It is typed by itself, for programs that have neither DOM's types nor Node's. */
export interface StopSignal {
  /** Whether to stop. */
  readonly aborted: boolean;
  /** Why: what `throwIfAborted` throws. */
  readonly reason: unknown;
  /** @throws `reason`, when aborted */
  throwIfAborted(): void;
}

/** The options of `fit`. */
export interface FitOptions extends ObjectiveOptions {
  /** What moves the parameters. */
  optimizer: Optimizer;
  /** Passes over the training data, those of `state` included. */
  epochs: number;
  /** Any of `optim`'s schedules. */
  scheduler?: Schedule;
  /** When the schedule steps: after each epoch, with the validation loss (default), or after each step of the optimiser. */
  schedulerStep?: 'epoch' | 'batch';
  /** Evaluated after each epoch. The weights of least loss on it are those that the model has in the end. */
  validation?: DataLoader;
  /** Stops after so many epochs without a lesser validation loss; default never. */
  patience?: number;
  /** Scales the gradients of a step so that their norm is at most this; default none. */
  maxGradNorm?: number;
  /**
   * Batches a step of the optimiser, default 1: their gradients add up to those of one batch of all their images. Batch
   * norm still takes its statistics from each batch alone.
   */
  accumulate?: number;
  /** Trains on pairs of images mixed in shares from Beta(mixup, mixup), see `mixup`; default none. */
  mixup?: number;
  /** Saves the training here after each epoch, when aborted, and now and then in between; default nowhere. */
  checkpoint?: CheckpointOptions;
  /** Goes on from here; model, optimiser and schedule must be as they were then. */
  state?: FitState;
  /** Are told of epochs, batches, validations and saves, in this order. */
  callbacks?: readonly Callback[];
  /** Default a progress bar on stdout, where there is one; null for none. */
  progress?: ProgressBar | null;
  /** Ends the training before the next step, or within a validation, when aborted: see `catchInterrupt`. */
  signal?: StopSignal;
}

const FIT_OPTIONS = {
  optimizer: true,
  epochs: true,
  scheduler: true,
  schedulerStep: true,
  validation: true,
  patience: true,
  maxGradNorm: true,
  accumulate: true,
  mixup: true,
  checkpoint: true,
  state: true,
  callbacks: true,
  progress: true,
  signal: true,
  loss: true,
  metrics: true,
} satisfies Record<keyof Required<FitOptions>, true>;

/** How a training went. */
export interface FitResult extends FitState {
  /** Why it ended. */
  readonly ended: 'all epochs' | 'patience' | 'aborted';
}

/**
 * Trains a model: of one logit on binary labels, or of a logit for each class, by cross-entropy with the loader's weights,
 * or by a loss of your own.
 * @throws TrainingError when the loss or a parameter is NaN or infinite, naming epoch, batch, the layer or the image
 * where that began, and the last checkpoint
 * @throws ShapeError for options out of range, and for outputs that the loss cannot take
 * @throws StateDictError for a state within an epoch of other images
 * @throws GradiographError naming a checkpoint that cannot be written: tried before the first step; the one that was
 * saved before stays as it is
 */
export async function fit(model: Module, train: DataLoader, options: FitOptions): Promise<FitResult> {
  checkOptionNames('fit', options, Object.keys(FIT_OPTIONS));
  const { accumulate = 1, maxGradNorm = 1, mixup = 1 } = options;
  if (!Number.isInteger(accumulate) || accumulate < 1) {
    throw new ShapeError(`fit: accumulate must be a whole number from 1 on, got ${accumulate}`);
  }
  if (!(maxGradNorm > 0)) throw new ShapeError(`fit: maxGradNorm must be above 0, got ${maxGradNorm}`);
  if (!(mixup > 0)) throw new ShapeError(`fit: mixup must be above 0, got ${mixup}`);
  return new Fit(model, train, options).run();
}

const secondsSince = (time: number): number => (performance.now() - time) / 1000;

class Fit {
  readonly #model: Module;
  readonly #loader: DataLoader;
  readonly #options: FitOptions;
  readonly #progress: ProgressBar | null;
  readonly #autosave: Autosave | null;
  readonly #history: EpochRecord[];
  readonly #objective: Objective;
  #best: FitState['best'];
  #meter: EpochMeter;
  /** The seconds that the last validation took. */
  #validating = 0;

  constructor(model: Module, loader: DataLoader, options: FitOptions) {
    const { optimizer, scheduler = null, state, checkpoint, progress } = options;
    this.#model = model;
    this.#loader = loader;
    this.#options = options;
    this.#progress = progress === undefined ? defaultProgress() : progress;
    this.#objective = objectiveOf(loader.targetShape, options);
    this.#autosave = checkpoint ? new Autosave(checkpoint, { model, optimizer, scheduler }) : null;
    this.#history = [...(state?.history ?? [])];
    this.#best = state?.best ?? null;
    this.#meter = this.#meterOf(this.#history.length, state?.unfinished ?? null);
  }

  #meterOf(epoch: number, from: FitState['unfinished']): EpochMeter {
    return new EpochMeter(this.#objective, this.#loader, epoch, from);
  }

  /** From 1. */
  get #epoch(): number {
    return this.#history.length + 1;
  }

  get #state(): FitState {
    return { history: [...this.#history], best: this.#best, unfinished: this.#meter.unfinished() };
  }

  async run(): Promise<FitResult> {
    await this.#autosave?.prepare();
    const ended = await this.#trainEpochs();
    if (ended === 'aborted') await this.#save();
    if (this.#best) restoreSnapshot(this.#model, this.#best.weights);
    return { ...this.#state, ended };
  }

  async #trainEpochs(): Promise<FitResult['ended']> {
    const { epochs, patience = Number.POSITIVE_INFINITY } = this.#options;
    while (this.#epoch <= epochs) {
      if (this.#best && this.#history.length - this.#best.epoch >= patience) return 'patience';
      await this.#tell((callback) => callback.onEpochBegin?.(this.#epoch));
      if (!(await this.#trainEpoch())) return 'aborted';
      const validated = await this.#validate();
      if (validated === 'aborted') return 'aborted';
      if (validated) {
        await this.#tell((callback) => callback.onValidationEnd?.(validated, this.#epoch));
      }
      await this.#endEpoch(validated);
      await this.#tell((callback) => callback.onEpochEnd?.(this.#state));
      await this.#save();
    }
    return 'all epochs';
  }

  /** Waits for each callback before the next is called. */
  async #tell(event: (callback: Callback) => void | Promise<void>): Promise<void> {
    for (const callback of this.#options.callbacks ?? []) await event(callback);
  }

  /** Trains on what is left of the epoch; false when aborted. */
  async #trainEpoch(): Promise<boolean> {
    const { optimizer, accumulate = 1, signal, scheduler, schedulerStep, maxGradNorm } = this.#options;
    const [loader, meter] = [this.#loader, this.#meter];
    let [stepLoss, images, left] = [0, 0, 0];
    let lap = performance.now();
    if (signal?.aborted) return false;
    this.#model.train();
    for await (const batch of loader.epoch(this.#epoch - 1, meter.batches)) {
      if (left === 0) {
        if (signal?.aborted) return false;
        left = Math.min(accumulate, loader.length - meter.batches);
        images = this.#imagesOf(left);
        stepLoss = 0;
        optimizer.zeroGrad();
      }
      const dataSeconds = secondsSince(lap);
      const loss = await this.#trainBatch(batch, batch.size / images);
      stepLoss += loss * (batch.size / images);
      left--;
      if (left === 0) {
        if (maxGradNorm !== undefined) clipGradNorm(parametersOf(optimizer), maxGradNorm)?.dispose();
        optimizer.step();
        if (schedulerStep === 'batch') scheduler?.step(stepLoss);
      }
      meter.dataSeconds += dataSeconds;
      meter.seconds += secondsSince(lap);
      this.#showProgress();
      await this.#tell((callback) =>
        callback.onBatchEnd?.({ epoch: this.#epoch, batch: meter.batches, batches: loader.length, loss }),
      );
      if (left === 0 && this.#autosave?.isDue) await this.#save();
      lap = performance.now();
    }
    await this.#checkParameters();
    return !signal?.aborted;
  }

  /** How many samples the next batches have. */
  #imagesOf(batches: number): number {
    const { batchSize, samples } = this.#loader;
    const first = this.#meter.batches * batchSize;
    return Math.min(first + batches * batchSize, samples) - first;
  }

  /** Adds its fraction to the gradients; its loss. */
  async #trainBatch(batch: Batch, fraction: number): Promise<number> {
    const { mixup: alpha } = this.#options;
    const mixed = alpha === undefined ? batch : mixup(batch, alpha, generator);
    const random = generator.state;
    const { loss, outputs } = await accumulateGradients(this.#model, mixed, this.#objective, fraction);
    if (!Number.isFinite(loss)) {
      generator.state = random;
      const reason = diagnoseBatch(batch) ?? (await diagnoseForward(this.#model, mixed));
      throw this.#failure(
        `the loss is ${loss} in epoch ${this.#epoch}, batch ${this.#meter.batches + 1} of ${this.#loader.length}`,
        reason,
      );
    }
    this.#meter.add(batch, loss, outputs);
    return loss;
  }

  /** @throws TrainingError where a parameter is NaN or infinite: what is saved, or kept as the best, is good */
  async #checkParameters(): Promise<void> {
    const name = await findNonFinite(this.#model.namedParameters());
    if (!name) return;
    const where = `in epoch ${this.#epoch}, after batch ${this.#meter.batches} of ${this.#loader.length}`;
    throw this.#failure(
      `${name} holds NaN or infinity ${where}`,
      'the loss was finite, so the gradient was not',
    );
  }

  #failure(what: string, reason: string): TrainingError {
    const { state, optimizer } = this.#options;
    const saved = this.#autosave?.saved ?? (state ? 'the one that this run went on from' : null);
    const { lr } = optimizer.groups[0];
    return new TrainingError(
      `fit: ${what}, at learning rate ${lr}: ${reason}${saved ? `; the last good checkpoint is ${saved}` : ''}`,
    );
  }

  async #save(): Promise<void> {
    if (!this.#autosave) return;
    await this.#checkParameters();
    await this.#autosave.save(this.#state);
    await this.#tell((callback) => callback.onSave?.(this.#state));
  }

  async #validate(): Promise<Evaluation | null | 'aborted'> {
    const { validation, signal, loss, metrics } = this.#options;
    if (!validation) return null;
    const start = performance.now();
    try {
      return await evaluate(this.#model, validation, {
        loss,
        metrics,
        onBatch: (done) => {
          signal?.throwIfAborted();
          const part = done / validation.dataset.length;
          this.#progress?.update(`${this.#title} validation`, part, '');
        },
      });
    } catch (error) {
      if (signal?.aborted && error === signal.reason) return 'aborted';
      throw error;
    } finally {
      this.#validating = secondsSince(start);
    }
  }

  async #endEpoch(validated: Evaluation | null): Promise<void> {
    const { optimizer, scheduler, schedulerStep = 'epoch' } = this.#options;
    const [epoch, meter] = [this.#epoch, this.#meter];
    if (schedulerStep === 'epoch') scheduler?.step(validated?.loss ?? meter.loss);
    const record: EpochRecord = {
      epoch,
      train: meter.metrics(),
      validation: validated && { loss: validated.loss, ...validated.metrics },
      lr: optimizer.groups[0].lr,
      imagesPerSecond: meter.imagesPerSecond,
      dataWait: meter.dataWait,
    };
    this.#progress?.print(`${this.#title}  ${describeEpoch(record)}`);
    this.#history.push(record);
    this.#meter = this.#meterOf(epoch, null);
    if (validated && validated.loss < (this.#best?.loss ?? Number.POSITIVE_INFINITY)) {
      this.#best = { epoch, loss: validated.loss, weights: await download(this.#model.stateDict()) };
    }
  }

  get #title(): string {
    return `epoch ${this.#epoch}/${this.#options.epochs}`;
  }

  #showProgress(): void {
    const [{ length }, meter] = [this.#loader, this.#meter];
    const epochs = this.#options.epochs - this.#epoch + 1;
    const left =
      (meter.seconds / meter.batches) * (length * epochs - meter.batches) + this.#validating * epochs;
    this.#progress?.update(this.#title, meter.batches / length, describeProgress(meter, left));
  }
}

const parametersOf = ({ groups }: Optimizer) => groups.flatMap(({ params }) => params);

/** Null where there is no terminal or log to write to, as in a page. */
const defaultProgress = (): ProgressBar | null =>
  typeof process !== 'undefined' && process.stdout ? new ProgressBar() : null;
