/** Recipes and flags: what flags change in a recipe, and what they would say of it. */
import { GradiographError } from '../../lib/index.ts';
import { FIELDS, FINE_TUNING, type Flag, NONE, nameOf, SCHEDULE, SCHEDULE_NAME } from './recipe-flags.ts';
import {
  type HeadLayer,
  isCnn,
  type Recipe,
  SCHEDULES,
  type Schedule,
  type ScheduleName,
} from './recipes.ts';

type Given = Readonly<Record<string, unknown>>;

/** The fields of a table whose flags were given. */
function pick(table: Readonly<Record<string, Flag<never>>>, given: Given): Record<string, unknown> {
  const values = Object.entries(table).map(([field, flag]) => [field, given[nameOf(flag)]] as const);
  const named = values.filter(([, value]) => value !== undefined);
  return Object.fromEntries(named.map(([field, value]) => [field, value === NONE ? null : value]));
}

/**
 * A recipe with flags laid over it, under commander's names. Where only the network is named, channels and head follow it.
 * @throws GradiographError for a parameter that the schedule does not have
 */
export function overrideRecipe(recipe: Recipe, given: Given): Recipe {
  const fields = pick(FIELDS as never, given) as Partial<Recipe>;
  const { model = recipe.model } = fields;
  const isSame = model === recipe.model;
  const implied = isSame ? {} : { channels: isCnn(model) ? 1 : 3, head: isCnn(model) ? null : recipe.head };
  return {
    ...recipe,
    ...(implied as Partial<Recipe>),
    ...fields,
    schedule: overrideSchedule(recipe.schedule, given),
    fineTuning: { ...recipe.fineTuning, ...pick(FINE_TUNING as never, given) },
  };
}

function overrideSchedule(before: Schedule, given: Given): Schedule {
  const name = (given[nameOf(SCHEDULE_NAME as Flag<never>)] ?? before.name) as ScheduleName;
  const schedule = name === before.name ? before : SCHEDULES[name];
  const parameters = pick(SCHEDULE as never, given);
  const foreign = Object.keys(parameters).filter((parameter) => !(parameter in schedule));
  if (foreign.length > 0) {
    const flags = foreign.map((parameter) => SCHEDULE[parameter as keyof typeof SCHEDULE].flag.split(' ')[0]);
    throw new GradiographError(`${flags.join(', ')}: the schedule '${name}' has no such parameter`);
  }
  return { ...schedule, ...parameters } as Schedule;
}

/** What each flag would say to give the recipe, under commander's names; a schedule's parameters where it has them. */
export function flagValues({ schedule, fineTuning, ...recipe }: Recipe): Map<string, string> {
  const tables: [table: Readonly<Record<string, Flag<never>>>, values: Given][] = [
    [FIELDS as never, recipe],
    [FINE_TUNING as never, { ...fineTuning }],
    [SCHEDULE as never, { ...schedule }],
    [{ name: SCHEDULE_NAME as Flag<never> }, { name: schedule.name }],
  ];
  return new Map(
    tables.flatMap(([table, values]) =>
      Object.entries(table)
        .filter(([field]) => field in values)
        .map(([field, flag]) => [nameOf(flag), textOf(values[field])] as const),
    ),
  );
}

function textOf(value: unknown): string {
  if (value === null) return 'none';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (Array.isArray(value)) return value.map((item: number | HeadLayer) => textOf(item)).join(',');
  return typeof value === 'object' ? `dropout:${(value as { dropout: number }).dropout}` : String(value);
}

/** What a schedule's parameters are where only the schedule is named. */
export function scheduleDefaults(): Map<string, string> {
  return new Map(
    Object.entries(SCHEDULE).map(([parameter, flag]) => {
      const values = Object.entries(SCHEDULES).flatMap(([name, schedule]): [name: string, text: string][] =>
        parameter in schedule ? [[name, textOf((schedule as Given)[parameter])]] : [],
      );
      const isOne = new Set(values.map(([, text]) => text)).size === 1;
      const text = isOne ? values[0][1] : values.map(([name, value]) => `${name} ${value}`).join(', ');
      return [nameOf(flag as Flag<never>), text];
    }),
  );
}
