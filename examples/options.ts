/** The flags of mura-train, and the recipe that they make. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { DeviceChoice } from '../lib/index.ts';
import { parseRegion, type Region } from '../lib/node.ts';
import {
  MODELS,
  type ModelName,
  OPTIMIZERS,
  type OptimizerName,
  RECIPES,
  type Recipe,
  type RecipeName,
} from './recipes.ts';

interface Flags {
  data?: string;
  model?: ModelName;
  recipe?: RecipeName;
  region?: Region[];
  pretrained?: string;
  size?: number;
  batch?: number;
  epochs?: number;
  lr?: number;
  optimizer?: OptimizerName;
  freeze?: number;
  gradual?: true;
  layerDecay?: number;
  seed?: number;
  device: DeviceChoice;
  threads?: number;
  out: string;
  resume?: string;
  strict: boolean;
}

/** What is trained, on what: with the same settings, device and thread count a run gives the same bits. */
export interface Settings {
  /** A folder in MURA's layout; null for the drawn set. */
  readonly data: string | null;
  readonly regions: readonly Region[];
  readonly pretrained: string | null;
  readonly seed: number;
  readonly recipe: Recipe;
}

/** Where it runs, which a resumed run may change. */
export interface Run {
  readonly device: DeviceChoice;
  readonly threads: number | undefined;
  readonly out: string;
  readonly resume: string | null;
  readonly strict: boolean;
}

const DEVICES = ['auto', 'wasm', 'gpu', 'headlessgl', 'webgpu', 'webasm', 'cpu'];

function number(name: string, isRight: (value: number) => boolean) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !isRight(value)) throw new InvalidArgumentError(`Wants ${name}.`);
    return value;
  };
}
const count = number('a whole number from 1 on', (value) => Number.isInteger(value) && value >= 1);

function parseRegions(text: string, before: Region[] = []): Region[] {
  try {
    return [...before, ...text.split(',').map(parseRegion)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Flags that do not change what is trained, and so may stand beside --resume. */
const BESIDE_RESUME = ['resume', 'device', 'threads', 'out', 'strict'];

const EPILOG = `
Without arguments it draws a set of radiograph-like images in MURA's layout (no patient's data) and trains cnn4 on it.

Examples:
  mura-train --data MURA-v1.1 --recipe densenet121 --pretrained imagenet --region wrist
  mura-train --data MURA-v1.1 --recipe fine-tune --pretrained imagenet
  mura-train --data MURA-v1.1 --model resnet18 --size 128 --batch 32 --epochs 10 --lr 1e-3
  mura-train --resume runs/mura/last.safetensors

It writes to --out: best.safetensors (the weights of least validation loss), last.safetensors (the checkpoint that
--resume takes, after each epoch) and log.csv. Its last two lines are accuracy and Cohen's kappa on the official
valid split, per image and per study.`;

/** Parses the command line; prints help or a complaint and exits where there is nothing to run. */
export function parseOptions(argv: readonly string[]): { settings: Settings | null; run: Run } {
  const program = new Command('mura-train')
    .description(
      'Trains a network to tell normal from abnormal radiographs, on MURA or a folder in its layout.',
    )
    .option('--data <folder>', 'a data set in the layout of MURA v1.1; default: one that it draws')
    .addOption(
      new Option('--model <name>', 'the network; default: cnn4, or that of the recipe').choices(MODELS),
    )
    .addOption(
      new Option('--recipe <name>', 'how to train; the flags below override it').choices(
        Object.keys(RECIPES),
      ),
    )
    .option(
      '--region <names>',
      'train on these regions only, separated by commas; default: all seven',
      parseRegions,
    )
    .option(
      '--pretrained <path>',
      "start from the weights of a .safetensors or .pth file, or from 'imagenet'",
    )
    .option('--size <pixels>', 'height and width that images are resized to', count)
    .option('--batch <n>', 'images a step', count)
    .option('--epochs <n>', 'passes over the training images', count)
    .option(
      '--lr <rate>',
      'learning rate',
      number('a number above 0', (value) => value > 0),
    )
    .addOption(new Option('--optimizer <name>', 'how weights are moved').choices(OPTIMIZERS))
    .option(
      '--freeze <epochs>',
      'with --pretrained, train only the head in the first epochs',
      number('a whole number', (value) => Number.isInteger(value) && value >= 0),
    )
    .option('--gradual', 'with --pretrained, thaw one stage an epoch after --freeze, from the head down')
    .option(
      '--layer-decay <share>',
      'the learning rate of each stage as a share of that of the stage above it',
      number('a number from 0 to 1', (value) => value > 0 && value <= 1),
    )
    .option(
      '--seed <n>',
      'of weights, order, augmentation, the split and the drawn set (default: 0)',
      number('a whole number', Number.isInteger),
    )
    .addOption(new Option('--device <name>', 'where to compute').choices(DEVICES).default('auto'))
    .option('--threads <n>', 'of the wasm device; default: all cores', count)
    .option('--out <folder>', 'where results go', 'runs/mura')
    .option('--resume <checkpoint>', 'go on from a last.safetensors, with the settings it holds')
    .option('--strict', 'stop at broken images instead of leaving them out', false)
    .addHelpText('after', EPILOG)
    .showHelpAfterError('(--help lists the flags)');
  program.parse(argv);
  const flags = program.opts<Flags>();
  const run: Run = {
    device: flags.device,
    threads: flags.threads,
    out: flags.out,
    resume: flags.resume ?? null,
    strict: flags.strict,
  };
  if (!flags.resume) return { settings: resolve(flags), run };
  const extra = program.options
    .map((option) => option.attributeName())
    .filter((name) => program.getOptionValueSource(name) === 'cli' && !BESIDE_RESUME.includes(name));
  if (extra.length > 0) {
    program.error(
      `error: --resume takes its settings from the checkpoint; leave out --${extra.join(', --')}`,
    );
  }
  return { settings: null, run };
}

/** A recipe with the flags laid over it. */
function resolve(flags: Flags): Settings {
  const name = flags.recipe ?? (flags.model ? 'scratch' : 'quick');
  const recipe: Recipe = RECIPES[name];
  const { model = recipe.model, size, batch, epochs, lr, optimizer } = flags;
  const { frozenEpochs, gradual, layerDecay } = recipe.fineTuning;
  return {
    data: flags.data ?? null,
    regions: flags.region ?? [],
    pretrained: flags.pretrained ?? null,
    seed: flags.seed ?? 0,
    recipe: {
      ...recipe,
      model,
      size: size ?? recipe.size,
      batch: batch ?? recipe.batch,
      epochs: epochs ?? recipe.epochs,
      lr: lr ?? recipe.lr,
      optimizer: optimizer ?? recipe.optimizer,
      fineTuning: {
        frozenEpochs: flags.freeze ?? frozenEpochs,
        gradual: flags.gradual ?? gradual,
        layerDecay: flags.layerDecay ?? layerDecay,
      },
    },
  };
}
