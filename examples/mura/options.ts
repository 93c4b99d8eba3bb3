/** The command line that mura-train and mura-study share: what is trained, on what, and where it runs. */
import { join } from 'node:path';
import { Option } from 'commander';
import type { DeviceChoice } from '../../lib/index.ts';
import { defaultCacheDir, parseRegion, type Region } from '../../lib/node.ts';
import { count, list, whole, wholeFromZero } from './flag-values.ts';
import { flagValues, overrideRecipe, scheduleDefaults } from './override-recipe.ts';
import { flagOf, newProgram } from './program.ts';
import { recipeOptions } from './recipe-flags.ts';
import { RECIPE_NAMES, RECIPES, type Recipe, type RecipeName } from './recipes.ts';

/** What is trained, on what: with the same settings, device and thread count a run gives the same bits. */
export interface Settings {
  /** A folder in MURA's layout; null for the drawn set. */
  readonly data: string | null;
  /** None for all. */
  readonly regions: readonly Region[];
  /** A file of weights to start from, or 'imagenet'. */
  readonly pretrained: string | null;
  readonly seed: number;
  readonly recipe: Recipe;
}

/** Where it runs, which a resumed run may change. */
export interface Run {
  readonly device: DeviceChoice;
  readonly threads: number | undefined;
  /** Threads that decode and augment images; 0 for none beside the main one. */
  readonly workers: number;
  /** Where decoded images are kept; null for nowhere. */
  readonly cache: string | null;
  readonly out: string;
  readonly resume: string | null;
  /** Whether what another run has left in `out` may be replaced. */
  readonly overwrite: boolean;
  readonly strict: boolean;
}

const DEVICES = ['auto', 'wasm', 'gpu', 'headlessgl', 'webgpu', 'webasm', 'cpu'];
const DATA = 'Data:';
const MACHINE = 'Machine:';
const NETWORK = 'Network:';
const FILES = 'Files:';

/** `--device` and its neighbours, of every program. */
export function deviceOptions(): Option[] {
  return [
    new Option('--device <name>', 'where to compute').choices(DEVICES).default('auto').helpGroup(MACHINE),
    flagOf(MACHINE, '--threads <n>', 'of the wasm device', 'all cores').argParser(count),
  ];
}

/** `--data`, of every program that trains. */
export const dataOption = (): Option =>
  flagOf(DATA, '--data <folder>', 'a data set in the layout of MURA v1.1', 'one that is drawn');

/** What a training can be told beside its recipe. */
export function trainingOptions(): Option[] {
  return [
    dataOption(),
    flagOf(DATA, '--strict', 'stop at broken images instead of leaving them out').default(false),
    flagOf(
      NETWORK,
      '--pretrained <path>',
      "start from the weights of a .safetensors or .pth file, or from 'imagenet'",
      'random ones',
    ),
    ...recipeOptions(),
    ...deviceOptions(),
    flagOf(MACHINE, '--workers <n>', 'threads that decode and augment images ahead of training; 0 for none')
      .argParser(wholeFromZero)
      .default(1),
    flagOf(
      MACHINE,
      '--cache <folder>',
      "where decoded images are kept between runs, a byte a pixel; 'none' for nowhere",
      'images in $GRADIOGRAPH_CACHE, else in ~/.cache/gradiograph',
    ),
  ];
}

/** What `trainingOptions` parses to, beside the flags of the recipe. */
export interface TrainingFlags {
  readonly data?: string;
  readonly strict: boolean;
  readonly pretrained?: string;
  readonly device: DeviceChoice;
  readonly threads?: number;
  readonly workers: number;
  readonly cache?: string;
  readonly model?: string;
  readonly resume?: string;
  readonly overwrite?: boolean;
}

/** Where and how it runs; `out` is told apart, as a resumed run has one by itself. */
export function runOf(flags: TrainingFlags): Omit<Run, 'out'> {
  const { device, threads, workers, strict, resume = null, overwrite = false } = flags;
  const { cache = join(defaultCacheDir(), 'images') } = flags;
  return { device, threads, workers, cache: cache === 'none' ? null : cache, resume, overwrite, strict };
}

export function settingsOf(
  flags: TrainingFlags,
  name: RecipeName,
  regions: readonly Region[],
  seed: number,
): Settings {
  const { data = null, pretrained = null } = flags;
  return { data, pretrained, regions, seed, recipe: overrideRecipe(RECIPES[name], { ...flags }) };
}

const EPILOG = `
The values in round brackets are those of the recipe that is named beside --help, as in 'mura-train --recipe best --help'. What
a recipe has on is put off by --no-, as in --no-flip.

Without arguments it draws a set of radiograph-like images in MURA's layout (no patient's data) and trains cnn4 on it.

Examples:
  mura-train --data MURA-v1.1 --recipe densenet121 --pretrained imagenet --region wrist
  mura-train --data MURA-v1.1 --recipe best --pretrained imagenet --ensemble 5
  mura-train --data MURA-v1.1 --model resnet18 --size 128 --batch 32 --epochs 10 --lr 1e-3
  mura-train --resume runs/mura/last.safetensors
  mura-train --resume runs/mura/last.safetensors --epochs 20

One run at a time has a folder, and one that holds another run is refused without --overwrite. Ctrl-C saves at the step it
reached, for --resume, if node runs this file ('npm run mura -- ...', or 'node --import tsx'): the tsx command kills what does
not answer within a fraction of a second. A killed run still goes on from its last save.

With --resume, --epochs makes a training longer, a finished one too, and --patience 'none' one that has ended early. The schedules
constant, step, multiStep, exponential and plateau go on as they would have done. cosine and oneCycle span the whole training: the
rates of the new epochs are those of a training of that length, so they begin higher than the last ones were.

Recipes:
${RECIPE_NAMES.map((name) => `  ${name.padEnd(12)} ${RECIPES[name].source}`).join('\n')}

It writes to --out: report.html, best.safetensors (the weights of least validation loss, and what mura-predict needs to
know), last.safetensors (the checkpoint that --resume takes), log.csv, predictions.csv (of the test images), validation.csv and
result.json; with --ensemble the weights and logs of each network in a folder of its own. Its last two lines are accuracy
and Cohen's kappa on the official valid split, per image and per study, at the threshold that is best on the validation images.`;

/** Where a run goes that is told nothing else. */
export const DEFAULT_OUT = 'runs/mura';

/** Flags that do not change what is trained, or only for how long, and so may stand beside --resume. */
const LENGTH: readonly string[] = ['epochs', 'patience'];
const BESIDE_RESUME = [
  ...['resume', 'device', 'threads', 'workers', 'cache', 'out', 'overwrite', 'strict'],
  ...LENGTH,
];

interface MuraTrainFlags extends TrainingFlags {
  readonly recipe?: RecipeName;
  readonly region?: Region[];
  readonly seed?: number;
  readonly findLr: boolean;
  readonly out?: string;
}

const recipeOf = ({ recipe, model }: Partial<MuraTrainFlags>): RecipeName =>
  recipe ?? (model ? 'scratch' : 'quick');

/** What the flags of a recipe are where they are not given, in words. */
export function recipeDefaults(names: readonly RecipeName[]): Map<string, string> {
  const [first, ...others] = names;
  const general = [...scheduleDefaults()].map(([flag, text]) => [flag, `default: ${text}`] as const);
  const own = [...flagValues(RECIPES[first])].map(
    ([flag, text]) => [flag, others.length > 0 ? "default: each recipe's own" : `${first}: ${text}`] as const,
  );
  return new Map([...general, ...own]);
}

/** The command line of mura-train; prints help or a complaint and exits where there is nothing to run. */
export function parseOptions(argv: readonly string[]): {
  /** Null for those of the checkpoint to resume. */
  settings: Settings | null;
  /** A resumed recipe with --epochs and --patience laid over it. */
  lengthen: (recipe: Recipe) => Recipe;
  run: Omit<Run, 'out'>;
  /** Null for the folder that the run has by itself. */
  out: string | null;
  findLr: boolean;
} {
  const program = newProgram(
    'mura-train',
    'Trains a network to tell normal from abnormal radiographs, on MURA or a folder in its layout.',
    (line) => recipeDefaults([recipeOf(line.opts())]),
  );
  program.addOption(
    flagOf(
      NETWORK,
      '--recipe <name>',
      'how to train; the flags below override it',
      'quick; scratch with --model',
    ).choices(RECIPE_NAMES),
  );
  for (const option of trainingOptions()) program.addOption(option);
  program
    .addOption(
      flagOf(
        DATA,
        '--region <names>',
        'train on these regions only, separated by commas',
        'all seven',
      ).argParser(list(parseRegion)),
    )
    .addOption(
      flagOf(
        'Training:',
        '--seed <n>',
        'of weights, order, augmentation, the split and the drawn set',
        '0',
      ).argParser(whole),
    )
    .addOption(
      flagOf(
        'Learning rate:',
        '--find-lr',
        'do not train: try growing learning rates, and suggest one',
      ).default(false),
    )
    .addOption(
      flagOf(FILES, '--out <folder>', 'where results go', `${DEFAULT_OUT}, or the folder of the resumed run`),
    )
    .addOption(
      flagOf(
        FILES,
        '--resume <checkpoint>',
        'go on from a last.safetensors, with the settings it holds',
        'a new run',
      ),
    )
    .addOption(flagOf(FILES, '--overwrite', 'replace the run that --out holds'))
    .addHelpText('after', EPILOG)
    .parse(argv);
  const flags = program.opts<MuraTrainFlags>();
  const [run, out] = [runOf(flags), flags.out ?? null];
  const given = Object.entries(flags).filter(([name]) => LENGTH.includes(name));
  const lengthen = (recipe: Recipe) => overrideRecipe(recipe, Object.fromEntries(given));
  if (!flags.resume) {
    return {
      settings: settingsOf(flags, recipeOf(flags), flags.region ?? [], flags.seed ?? 0),
      lengthen,
      run,
      out,
      findLr: flags.findLr,
    };
  }
  const extra = program.options
    .map((option) => option.attributeName())
    .filter((name) => program.getOptionValueSource(name) === 'cli' && !BESIDE_RESUME.includes(name));
  if (extra.length > 0) {
    program.error(
      `error: --resume takes its settings from the checkpoint, but for --epochs and --patience; leave out --${extra.join(', --')}`,
    );
  }
  return { settings: null, lengthen, run, out, findLr: false };
}
