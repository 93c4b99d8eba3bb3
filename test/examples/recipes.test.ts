import { Command } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildModel, buildOptimizer, buildScheduler } from '../../examples/mura/build.ts';
import { describedSettings } from '../../examples/mura/describe-settings.ts';
import { overrideRecipe } from '../../examples/mura/override-recipe.ts';
import { recipeOptions } from '../../examples/mura/recipe-flags.ts';
import { RECIPES, type Recipe, SCHEDULES } from '../../examples/mura/recipes.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { describeSettings } from '../../lib/report/tables.ts';
import { ReferenceDevice } from '../support/reference/device.ts';

const test = suite('recipes');
test.before(() => setDevice(new ReferenceDevice()));

/** What the flags of a command line parse to. */
function parse(args: readonly string[]): Record<string, unknown> {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const option of recipeOptions()) program.addOption(option);
  return program.parse(args, { from: 'user' }).opts();
}
const override = (recipe: Recipe, ...args: string[]) => overrideRecipe(recipe, parse(args));

/** A value that each field does not have in the recipe `scratch`, and the flags that give it. */
const CHANGES: { [Field in Exclude<keyof Recipe, 'source' | 'imagenet'>]: [string[], Recipe[Field]] } = {
  model: [['--model', 'resnet34'], 'resnet34'],
  batchNorm: [['--no-batch-norm'], false],
  head: [
    ['--head', 'dropout:0.5,64,relu'],
    [{ dropout: 0.5 }, 64, 'relu'],
  ],
  channels: [['--channels', '1'], 1],
  size: [['--size', '320'], 320],
  fit: [['--fit', 'pad'], 'pad'],
  batch: [['--batch', '8'], 8],
  accumulate: [['--accumulate', '4'], 4],
  epochs: [['--epochs', '3'], 3],
  optimizer: [['--optimizer', 'sgd'], 'sgd'],
  lr: [['--lr', '0.5'], 0.5],
  momentum: [['--momentum', '0.8'], 0.8],
  weightDecay: [['--weight-decay', '1e-3'], 1e-3],
  schedule: [
    ['--schedule', 'plateau', '--plateau-factor', '0.5', '--plateau-patience', '7'],
    { name: 'plateau', factor: 0.5, patience: 7 },
  ],
  warmup: [['--warmup', '2'], 2],
  patience: [['--patience', '6'], 6],
  classWeights: [['--class-weights', 'region'], 'region'],
  clip: [['--clip', '2'], 2],
  mixup: [['--mixup', '0.3'], 0.3],
  flip: [['--no-flip'], false],
  rotation: [['--rotation', '12'], 12],
  shift: [['--shift', '0.1'], 0.1],
  brightness: [['--brightness', '0.1'], 0.1],
  contrast: [['--contrast', '0.3'], 0.3],
  tta: [['--tta'], true],
  ensemble: [['--ensemble', '5'], 5],
  fineTuning: [
    ['--freeze', '2', '--gradual', '--layer-decay', '0.5'],
    { frozenEpochs: 2, gradual: true, layerDecay: 0.5 },
  ],
};

test('every field that changes a training has a flag, which changes it and nothing else', () => {
  const fields = Object.keys(RECIPES.scratch).filter((field) => !['source', 'imagenet'].includes(field));
  assert.equal(Object.keys(CHANGES).sort(), fields.sort());
  for (const [field, [args, value]] of Object.entries(CHANGES)) {
    assert.not.equal(value, RECIPES.scratch[field as keyof Recipe], `${field} is no change`);
    assert.equal(override(RECIPES.scratch, ...args), { ...RECIPES.scratch, [field]: value });
  }
  const given = new Set(
    Object.values(CHANGES).flatMap(([args]) => args.filter((arg) => arg.startsWith('--'))),
  );
  given.add('--step-size').add('--milestones').add('--gamma').add('--eta-min').add('--pct-start');
  const untried = recipeOptions().filter(({ long, hidden }) => !hidden && !given.has(long ?? ''));
  assert.equal(
    untried.map(({ long }) => long).filter((long) => !given.has(`--no-${long?.slice(2)}`)),
    [],
  );
});

test("'none' takes back what a recipe sets, and a schedule named alone has its own parameters", () => {
  const { head, patience, clip } = override(
    RECIPES.densenet121,
    '--head',
    'none',
    '--patience',
    'none',
    '--clip',
    'none',
  );
  assert.equal([head, patience, clip], [null, null, null]);
  assert.equal(override(RECIPES.densenet121, '--gamma', '0.5').schedule, {
    name: 'step',
    stepSize: 3,
    gamma: 0.5,
  });
  assert.equal(override(RECIPES.densenet121, '--schedule', 'cosine').schedule, SCHEDULES.cosine);
  assert.equal(override(RECIPES.scratch, '--schedule', 'multiStep', '--milestones', '2,4').schedule, {
    name: 'multiStep',
    milestones: [2, 4],
    gamma: 0.1,
  });
});

test('where only the network is named, channels and head follow it', () => {
  const { channels, head } = override(RECIPES.resnet18, '--model', 'cnn4');
  assert.equal([channels, head], [1, null]);
  assert.is(override(RECIPES.cnn4, '--model', 'resnet18').channels, 3);
  assert.is(override(RECIPES.cnn4, '--model', 'cnn2', '--channels', '3').channels, 3);
});

test('what cannot be is refused, by the name of the flag', () => {
  assert.throws(
    () => override(RECIPES.scratch, '--gamma', '0.5'),
    /--gamma: the schedule 'oneCycle' has no such parameter/,
  );
  assert.throws(() => parse(['--head', '12,relux']), /'relux' is none/);
  assert.throws(() => parse(['--channels', '2']), /Wants 1 or 3/);
  assert.throws(() => parse(['--clip', '0']), /Wants a number above 0/);
  assert.throws(
    () => buildModel(override(RECIPES.cnn4, '--head', '12')),
    /--head: cnn4 has a head of its own/,
  );
});

/** The learning rates that a recipe gives, one after each step of `epochs` epochs of four steps, or after each epoch. */
function ratesOf(recipe: Recipe): number[] {
  const optimizer = buildOptimizer(
    buildModel({ ...recipe, model: 'cnn2', channels: 1, size: 8 }),
    recipe,
    false,
  );
  const schedule = buildScheduler(optimizer, recipe, 4);
  const steps = schedule?.schedulerStep === 'batch' ? 4 * recipe.epochs : recipe.epochs;
  return Array.from({ length: steps }, () => {
    const { lr } = optimizer.groups[0];
    schedule?.scheduler.step(1);
    return Number(lr.toPrecision(4));
  });
}

test('a warm-up rises from a hundredth to the learning rate, then the schedule begins', () => {
  const recipe: Recipe = { ...RECIPES.scratch, lr: 1, epochs: 3, warmup: 1, schedule: SCHEDULES.cosine };
  const rates = ratesOf(recipe);
  assert.equal(rates.slice(0, 5), [0.01, 0.2575, 0.505, 0.7525, 1]);
  assert.is(rates[8], 0.5, 'half of the cosine');
  const flat = ratesOf({ ...recipe, schedule: SCHEDULES.constant });
  assert.equal(flat.slice(3, 6), [0.7525, 1, 1]);
  const stairs = ratesOf({ ...recipe, schedule: { name: 'step', stepSize: 1, gamma: 0.5 } });
  assert.equal(stairs.slice(4), [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5]);
  assert.throws(
    () => ratesOf({ ...recipe, schedule: SCHEDULES.oneCycle }),
    /--warmup: the schedule 'oneCycle'/,
  );
  assert.throws(() => ratesOf({ ...recipe, warmup: 3 }), /--warmup: 3 epochs leave nothing/);
});

test('every schedule goes as its name says', () => {
  const base: Recipe = { ...RECIPES.scratch, lr: 1, epochs: 4 };
  const rates = (schedule: Recipe['schedule']) => ratesOf({ ...base, schedule });
  assert.equal(rates(SCHEDULES.constant), [1, 1, 1, 1]);
  assert.equal(rates({ name: 'step', stepSize: 2, gamma: 0.3 }), [1, 1, 0.3, 0.3]);
  assert.equal(rates({ name: 'multiStep', milestones: [1, 3], gamma: 0.1 }), [1, 0.1, 0.1, 0.01]);
  assert.equal(rates({ name: 'exponential', gamma: 0.5 }), [1, 0.5, 0.25, 0.125]);
  assert.equal(rates({ name: 'plateau', factor: 0.1, patience: 1 }), [1, 1, 1, 0.1]);
  assert.is(rates({ name: 'cosine', etaMin: 0 })[8], 0.5);
  assert.is(Math.max(...rates({ name: 'oneCycle', pctStart: 0.5 })), 1);
  assert.is(rates({ name: 'oneCycle', pctStart: 0.5 })[0], 0.04);
});

test('the heads of the study: dropout and dense layers down to one logit', () => {
  const shapes = (recipe: Recipe) =>
    [...buildModel(recipe).namedParameters()]
      .filter(([name]) => /^(fc|classifier)\..*weight$/.test(name))
      .map(([, { shape }]) => shape);
  assert.equal(shapes(RECIPES.resnet18), [
    [256, 512],
    [128, 256],
    [32, 128],
    [1, 32],
  ]);
  assert.equal(shapes(RECIPES.densenet121), [
    [512, 1024],
    [1, 512],
  ]);
});

test('the report says in English what any recipe asks for', () => {
  for (const recipe of Object.values(RECIPES)) {
    const settings = { data: null, regions: [], pretrained: null, seed: 0, recipe };
    const words = describeSettings(describedSettings(settings)).flat();
    assert.ok(words.length > 2 * 20);
    for (const word of words.filter((word) => !word.startsWith(recipe.source)))
      assert.not.match(word, /null|true|false|undefined|object|[[\]{}]|[a-z](?<!one|multi)[A-Z]/);
  }
});

test.run();
