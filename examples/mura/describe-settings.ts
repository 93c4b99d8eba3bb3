/** What a run was asked for, as its report says it. */
import type { Settings } from './options.ts';
import type { HeadLayer, Schedule } from './recipes.ts';

/** The settings with words in place of what is empty, null or in a program's own form. */
export function describedSettings({ data, regions, pretrained, seed, recipe }: Settings): object {
  const { source, imagenet: _, lr, head, patience, clip, schedule, tta, ...rest } = recipe;
  return {
    'data set': data ?? 'drawn by this program',
    regions: regions.length > 0 ? regions : 'all seven',
    seed,
    'first weights': pretrained ?? 'drawn at random',
    'source of the recipe': source,
    ...rest,
    'learning rate': lr,
    head: head === null ? "the network's own" : [...head.map(layerName), '1'],
    schedule: scheduleName(schedule),
    patience: patience === null ? 'none, all epochs are trained' : `${patience} epochs`,
    'test-time augmentation': tta,
    'clip gradients': clip === null ? 'no' : `to norm ${clip}`,
  };
}

const layerName = (layer: HeadLayer): string =>
  typeof layer === 'object' ? `dropout ${layer.dropout}` : String(layer);

function scheduleName({ name, ...parameters }: Schedule): string {
  const spaced = (key: string) => key.replace(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`);
  const words = Object.entries(parameters).map(([key, value]) => `${spaced(key)} ${String(value)}`);
  return [name, ...words].join(', ');
}
