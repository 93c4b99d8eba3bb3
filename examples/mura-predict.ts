/** Tells normal from abnormal radiographs by weights of mura-train: `npx tsx examples/mura-predict.ts --help`. */
import { dirname, join, relative, resolve, sep } from 'node:path';
import { Command, Option } from 'commander';
import { type DeviceChoice, GradiographError, init } from '../lib/index.ts';
import { formatTable, ProgressBar, writeWhole } from '../lib/node.ts';
import { number } from './mura/flag-values.ts';
import { drawMaps } from './mura/maps.ts';
import { deviceOptions } from './mura/options.ts';
import {
  type FailedImage,
  findImages,
  type OpenedNetwork,
  type PredictedImage,
  predictImages,
} from './mura/predict-images.ts';
import { openNetwork } from './mura/weights.ts';

const EPILOG = `
A study is a folder: its probability is the mean of those of its images. Network, image size and threshold are read from the
weights; of several --weights, as those of an ensemble, probabilities and thresholds are averaged.

Examples:
  mura-predict wrist.png --weights runs/mura/best.safetensors
  mura-predict MURA-v1.1/valid/XR_WRIST --weights a.safetensors --weights b.safetensors --json > answers.json

A file that is no whole image is named, the others go on, and the exit code is 1. What this prints is no diagnosis.`;

interface Flags {
  readonly weights: string[];
  readonly threshold?: number;
  readonly json: boolean;
  readonly overlays: boolean;
  readonly out: string;
  readonly device: DeviceChoice;
  readonly threads?: number;
}

function parse(argv: readonly string[]): { paths: string[]; flags: Flags } {
  const program = new Command('mura-predict')
    .description(
      'The probability that radiographs are abnormal, per image and per study, and maps of what speaks for it.',
    )
    .argument('<path...>', 'PNG or JPEG files, or folders of them')
    .addOption(
      new Option(
        '--weights <file>',
        'a best.safetensors of mura-train; again for each network of an ensemble',
      )
        .argParser((path: string, before: string[] = []) => [...before, path])
        .makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--threshold <probability>',
        'what is above it counts as abnormal; default: that of the weights',
      ).argParser(number('a probability from 0 to 1', (value) => value >= 0 && value <= 1)),
    )
    .option('--json', 'print one JSON object and nothing else', false)
    .option('--out <folder>', 'where the overlays go, <image>-overlay.png for each', 'runs/predict')
    .option('--no-overlays', 'write none');
  for (const option of deviceOptions()) program.addOption(option);
  program.addHelpText('after', EPILOG).showHelpAfterError('(--help lists the flags)').parse(argv);
  return { paths: program.args, flags: program.opts<Flags>() };
}

/** What is printed, as JSON or as text. */
interface Answers {
  readonly weights: readonly string[];
  /** Probabilities above it count as abnormal. */
  readonly threshold: number;
  readonly images: readonly (PredictedImage & {
    readonly abnormal: boolean;
    readonly overlay: string | null;
  })[];
  readonly studies: readonly {
    readonly study: string;
    readonly images: number;
    readonly probability: number;
    readonly abnormal: boolean;
  }[];
  readonly failed: readonly FailedImage[];
}

async function main(): Promise<void> {
  const { paths, flags } = parse(process.argv);
  const files = await findImages(paths);
  const device = await init({ device: flags.device, threads: flags.threads });
  try {
    const networks: OpenedNetwork[] = [];
    for (const path of flags.weights) networks.push(await openNetwork(path));
    const answers = await predict(networks, files, flags);
    console.log(flags.json ? JSON.stringify(answers, null, 2) : describe(answers, networks));
    for (const { path, reason } of answers.failed) console.error(`left out: ${path}: ${reason}`);
    if (answers.failed.length > 0) process.exitCode = 1;
  } finally {
    await device.dispose();
  }
}

async function predict(
  networks: readonly OpenedNetwork[],
  files: readonly string[],
  { weights, overlays, out, threshold = mean(networks.map(({ purpose }) => purpose.threshold)) }: Flags,
): Promise<Answers> {
  const progress = new ProgressBar(process.stderr);
  const base = commonFolder(files);
  const [{ model, purpose }] = networks;
  const images: Answers['images'][number][] = [];
  const failed = await predictImages(networks, files, async (predicted, pictured) => {
    const maps = overlays ? await drawMaps(model, purpose.recipe, pictured) : [];
    for (const [i, one] of predicted.entries()) {
      const overlay = overlays
        ? join(out, `${relative(base, resolve(one.path)).replace(/\.png$/i, '')}-overlay.png`)
        : null;
      if (overlay) await writeWhole(overlay, maps[i]);
      images.push({ ...one, abnormal: one.probability > threshold, overlay });
    }
    progress.update('predicting', images.length / files.length, `${images.length}/${files.length} images`);
  });
  const studies = [...new Set(images.map(({ study }) => study))].map((study) => {
    const views = images.filter((image) => image.study === study);
    const probability = mean(views.map((image) => image.probability));
    return { study, images: views.length, probability, abnormal: probability > threshold };
  });
  return { weights, threshold, images, studies, failed };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The folder below which all files lie. */
function commonFolder(files: readonly string[]): string {
  let [folder] = files.map((file) => dirname(resolve(file)));
  while (!files.every((file) => resolve(file).startsWith(join(folder, sep)))) folder = dirname(folder);
  return folder;
}

function describe({ images, studies, threshold }: Answers, networks: readonly OpenedNetwork[]): string {
  const answer = ({ probability, abnormal }: { probability: number; abnormal: boolean }) => [
    probability.toFixed(3),
    abnormal ? 'ABNORMAL' : 'normal',
  ];
  const rows = images.map((image) => [image.path, ...answer(image)]);
  const byStudy = studies.map((study) => [study.study, String(study.images), ...answer(study)]);
  const models = networks.map(({ purpose: { recipe, regions } }) => {
    const learnt = regions.length > 0 ? regions.join(', ') : 'all regions';
    return `${recipe.model} at ${recipe.size}x${recipe.size}, which has learnt ${learnt}`;
  });
  return [
    formatTable([['image', 'probability', 'answer'], ...rows]),
    '',
    formatTable([['study', 'images', 'probability', 'answer'], ...byStudy]),
    '',
    `abnormal: a probability above ${threshold.toFixed(3)}, by ${[...new Set(models)].join('; ')}`,
  ].join('\n');
}

main().catch((error) => {
  if (!(error instanceof GradiographError || 'syscall' in error)) throw error;
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
});
