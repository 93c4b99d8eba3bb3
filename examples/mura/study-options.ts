/** The command line of mura-study: which cells, and what they have in common. */
import { join } from 'node:path';
import { GradiographError } from '../../lib/index.ts';
import { parseRegion, REGIONS } from '../../lib/node.ts';
import { list, whole } from './flag-values.ts';
import {
  type Run,
  recipeDefaults,
  runOf,
  settingsOf,
  type TrainingFlags,
  trainingOptions,
} from './options.ts';
import { flagOf, newProgram } from './program.ts';
import { RECIPE_NAMES, RECIPES, type RecipeName } from './recipes.ts';
import type { Cell, Scope } from './study-cells.ts';

interface Flags extends TrainingFlags {
  readonly recipe: RecipeName[];
  readonly region: Scope[];
  readonly seed: number[];
  readonly out: string;
}

export interface Study {
  /** A folder in MURA's layout; null for the drawn set. */
  readonly data: string | null;
  readonly run: Run;
  /** The cells on a data set, a recipe after the other. */
  readonly cells: (data: string) => Cell[];
}

function parseRecipe(name: string): RecipeName {
  const found = RECIPE_NAMES.find((recipe) => recipe === name);
  if (!found) throw new GradiographError(`recipe: '${name}' is none of ${RECIPE_NAMES.join(', ')}`);
  return found;
}

const parseScope = (name: string): Scope => (name === 'unified' ? name : parseRegion(name));

const GRID = 'Grid:';
const RECIPES_OF_STUDY: readonly RecipeName[] = ['cnn4', 'resnet18', 'resnet50', 'densenet121'];

const EPILOG = `
Each cell is a folder, <out>/<recipe>/<unified or region>/seed-<n>, with what mura-train writes. Run it again to go on: finished
cells are skipped, an interrupted one goes on from its checkpoint. The other flags lie over every recipe, but for
--pretrained, which only those recipes take whose source starts from weights: ${RECIPE_NAMES.filter((name) => RECIPES[name].imagenet).join(', ')}.
What they are of one recipe, 'mura-study --recipe cnn4 --help' says.

Examples:
  mura-study --data MURA-v1.1 --pretrained imagenet
  mura-study --data MURA-v1.1 --recipe cnn4,resnet18 --region unified,wrist --seed 0,1,2
  mura-study --recipe quick --epochs 3

It writes to --out: results.md, results.csv and results.html. A cell that fails is named, the others go on, and the exit code is 1.`;

/** Parses the command line; prints help or a complaint and exits where there is nothing to run. */
export function parseStudy(argv: readonly string[]): Study {
  const program = newProgram(
    'mura-study',
    'Trains a grid of networks on MURA, one for all regions and one for each, and writes a table of what they achieve.',
    (line) => recipeDefaults(line.opts<Partial<Flags>>().recipe ?? RECIPES_OF_STUDY),
  );
  program
    .addOption(
      flagOf(
        GRID,
        '--recipe <names>',
        `with commas between: ${RECIPE_NAMES.join(', ')}`,
        RECIPES_OF_STUDY.join(','),
      ).argParser(list(parseRecipe)),
    )
    .addOption(
      flagOf(
        GRID,
        '--region <names>',
        "'unified' for one model of all regions, and regions for one of each",
        'all eight',
      ).argParser(list(parseScope)),
    )
    .addOption(flagOf(GRID, '--seed <numbers>', 'a model from each', '0').argParser(list(whole)));
  for (const option of trainingOptions()) program.addOption(option);
  program
    .addOption(flagOf('Files:', '--out <folder>', 'where cells and results go').default('runs/study'))
    .addHelpText('after', EPILOG)
    .parse(argv);
  const flags = program.opts<Partial<Flags> & Pick<Flags, 'device' | 'workers' | 'strict' | 'out'>>();
  const { recipe = RECIPES_OF_STUDY, region = ['unified', ...REGIONS] } = flags;
  const { seed = [0], out, pretrained } = flags;
  const cellOf = (data: string, name: RecipeName, scope: Scope, seed: number): Cell => ({
    recipe: name,
    scope,
    folder: join(out, name, scope, `seed-${seed}`),
    settings: settingsOf(
      { ...flags, data, pretrained: RECIPES[name].imagenet ? pretrained : undefined },
      name,
      scope === 'unified' ? [] : [scope],
      seed,
    ),
  });
  return {
    data: flags.data ?? null,
    run: { ...runOf(flags), out },
    cells: (data) =>
      recipe.flatMap((name) =>
        seed.flatMap((seed) => region.map((scope) => cellOf(data, name, scope, seed))),
      ),
  };
}
