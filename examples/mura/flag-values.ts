/** What flags of numbers and lists take, and how they complain. */
import { InvalidArgumentError } from 'commander';

/** Parses a number that is right; the name says which are. */
export function number(name: string, isRight: (value: number) => boolean) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !isRight(value)) throw new InvalidArgumentError(`Wants ${name}.`);
    return value;
  };
}
export const count = number('a whole number from 1 on', (value) => Number.isInteger(value) && value >= 1);
export const countTo = (most: number) =>
  number(
    `a whole number from 1 to ${most}`,
    (value) => Number.isInteger(value) && value >= 1 && value <= most,
  );
export const whole = number('a whole number', Number.isInteger);
export const wholeFromZero = number(
  'a whole number from 0 on',
  (value) => Number.isInteger(value) && value >= 0,
);
export const positive = number('a number above 0', (value) => value > 0 && value < Number.POSITIVE_INFINITY);
export const fromZero = number(
  'a number from 0 on',
  (value) => value >= 0 && value < Number.POSITIVE_INFINITY,
);
export const share = number('a number above 0 and below 1', (value) => value > 0 && value < 1);

/** Items with commas between; a flag that is given again adds to them. */
export function list<Item>(parse: (name: string) => Item) {
  return (text: string, before: readonly Item[] = []): Item[] => {
    try {
      return [...before, ...text.split(',').map(parse)];
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
}
