/** Tells normal from abnormal radiographs by weights of mura-train: `npx tsx examples/mura-predict.ts --help`. */
import { Option } from 'commander';
import { type DeviceChoice, init } from '../lib/index.ts';
import {
  BROKEN_PIPE,
  formatTable,
  ProgressBar,
  printable,
  surviveOutput,
  visible,
  visibleJson,
} from '../lib/node.ts';
import { type Found, findImages, type LeftOut } from './mura/find-images.ts';
import { number } from './mura/flag-values.ts';
import { drawMaps } from './mura/maps.ts';
import { deviceOptions } from './mura/options.ts';
import { OverlayFiles } from './mura/overlay-files.ts';
import { type OpenedNetwork, type PredictedImage, predictImages } from './mura/predict-images.ts';
import { flagOf, newProgram, runProgram } from './mura/program.ts';
import { openNetwork } from './mura/weights.ts';

const NETWORKS = 'Networks:';
const ANSWERS = 'Answers:';

const EPILOG = `
A study is a folder: its probability is the mean of those of its images. Network, image size and threshold are read from the
weights; of several --weights, as those of an ensemble, probabilities and thresholds are averaged.

Examples:
  mura-predict wrist.png --weights runs/mura/best.safetensors
  mura-predict MURA-v1.1/valid/XR_WRIST --weights a.safetensors --weights b.safetensors --json > predictions.json

Symbolic links are followed, no file is predicted twice. An overlay has its image's size and never replaces another: where its
name is taken it gets a number. A file that is no whole image is named, the others go on, and the exit code is 1; the last
line counts every file. What this prints is no diagnosis.`;

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
  const program = newProgram(
    'mura-predict',
    'The probability that radiographs are abnormal, per image and per study, and maps of what speaks for it.',
  );
  program
    .argument('<path...>', 'PNG or JPEG files, or folders of them')
    .addOption(
      flagOf(
        NETWORKS,
        '--weights <file>',
        'a best.safetensors of mura-train; again for each network of an ensemble',
      )
        .argParser((path: string, before: string[] = []) => [...before, path])
        .makeOptionMandatory(),
    )
    .addOption(
      flagOf(
        NETWORKS,
        '--threshold <probability>',
        'what is above it counts as abnormal',
        'that of the weights',
      ).argParser(number('a probability from 0 to 1', (value) => value >= 0 && value <= 1)),
    )
    .addOption(flagOf(ANSWERS, '--json', 'print one JSON object and nothing else').default(false))
    .addOption(
      flagOf(
        ANSWERS,
        '--out <folder>',
        'where the overlays go: x-overlay.png of x.png, x.jpg-overlay.png of x.jpg',
      ).default('runs/predict'),
    )
    .addOption(new Option('--no-overlays', 'write none').helpGroup(ANSWERS));
  for (const option of deviceOptions()) program.addOption(option);
  program.addHelpText('after', EPILOG).parse(argv);
  return { paths: program.args, flags: program.opts<Flags>() };
}

/** What is printed, as JSON or as text. */
interface Predictions {
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
  /** What could not be predicted. */
  readonly failed: readonly LeftOut[];
  /** What was predicted under another name. */
  readonly repeated: readonly LeftOut[];
  /** Files in the folders that do not bear the name of an image. */
  readonly ignored: readonly LeftOut[];
}

async function main(): Promise<void> {
  const { paths, flags } = parse(process.argv);
  surviveOutput(() => process.exit(BROKEN_PIPE));
  const found = await findImages(paths);
  const device = await init({ device: flags.device, threads: flags.threads });
  try {
    const networks: OpenedNetwork[] = [];
    for (const path of flags.weights) networks.push(await openNetwork(path));
    const predictions = await predict(networks, found, flags);
    if (flags.json) console.log(visibleJson(predictions));
    else console.log(describe(predictions, networks, flags));
    for (const { path, reason } of predictions.failed)
      console.error(`left out: ${printable(path)}: ${visible(reason)}`);
    for (const { path, reason } of predictions.repeated)
      console.error(`not again: ${printable(path)}: ${reason}`);
    (flags.json ? console.error : console.log)(countAll(predictions));
    if (predictions.failed.length > 0) process.exitCode = 1;
  } finally {
    await device.dispose();
  }
}

async function predict(
  networks: readonly OpenedNetwork[],
  found: Found,
  { weights, overlays, out, threshold = mean(networks.map(({ card }) => card.threshold)) }: Flags,
): Promise<Predictions> {
  const progress = new ProgressBar(process.stderr);
  const files = new OverlayFiles(out, found.images);
  const [{ model, card }] = networks;
  const images: Predictions['images'][number][] = [];
  const broken = await predictImages(networks, found.images, async (predicted, decoded) => {
    const maps = overlays ? await drawMaps(model, card.recipe, decoded) : null;
    for (const [i, one] of predicted.entries()) {
      const overlay = maps && (await files.write(one.path, maps[i]));
      images.push({ ...one, abnormal: one.probability > threshold, overlay });
    }
    const all = found.images.length;
    progress.update('predicting', images.length / all, `${images.length}/${all} images`);
  });
  const studies = [...new Set(images.map(({ study }) => study))].map((study) => {
    const views = images.filter((image) => image.study === study);
    const probability = mean(views.map((image) => image.probability));
    return { study, images: views.length, probability, abnormal: probability > threshold };
  });
  const { failed, repeated, ignored } = found;
  return { weights, threshold, images, studies, failed: [...failed, ...broken], repeated, ignored };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function describe(
  { images, studies, threshold }: Predictions,
  networks: readonly OpenedNetwork[],
  { overlays }: Flags,
): string {
  const answer = ({ probability, abnormal }: { probability: number; abnormal: boolean }) => [
    probability.toFixed(3),
    abnormal ? 'ABNORMAL' : 'normal',
  ];
  const rows = images.map((image) => [
    printable(image.path),
    ...answer(image),
    ...(image.overlay === null ? [] : [printable(image.overlay)]),
  ]);
  const byStudy = studies.map((study) => [printable(study.study), String(study.images), ...answer(study)]);
  const models = networks.map(({ card: { recipe, regions } }) => {
    const learnt = regions.length > 0 ? regions.join(', ') : 'all regions';
    return `${recipe.model} at ${recipe.size}x${recipe.size}, which has learnt ${learnt}`;
  });
  return [
    formatTable([['image', 'probability', 'answer', ...(overlays ? ['overlay'] : [])], ...rows]),
    '',
    formatTable([['study', 'images', 'probability', 'answer'], ...byStudy]),
    '',
    ...(overlays ? [OVERLAYS] : []),
    `abnormal: a probability above ${threshold.toFixed(3)}, by ${[...new Set(models)].join('; ')}`,
  ].join('\n');
}

const OVERLAYS = `overlay: colours mark what spoke for abnormal, in images called normal too, where it was not enough; the brighter the more, on
a scale of each image's own. No colours: nothing spoke for it.`;

/** Every file that was asked for or found, in one line. */
function countAll({ images, failed, repeated, ignored }: Predictions): string {
  const all = images.length + failed.length + repeated.length;
  const parts = [
    `${images.length} predicted`,
    ...(failed.length > 0 ? [`${failed.length} left out`] : []),
    ...(repeated.length > 0 ? [`${repeated.length} named twice`] : []),
  ];
  const reasons = [...new Set(ignored.map(({ reason }) => reason))].map(
    (why) => `${ignored.filter(({ reason }) => reason === why).length} ${why}`,
  );
  const rest = ignored.length > 0 ? `; ignored beside them: ${reasons.join(', ')}` : '';
  return `${all} image${all === 1 ? '' : 's'}: ${parts.join(', ')}${rest}`;
}

runProgram(main);
