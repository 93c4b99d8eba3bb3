import { formatShape } from '../tensor/shape.ts';

/** What is printed of a module, beside its settings. */
interface Printable {
  namedChildren(): ReadonlyMap<string, Printable>;
}

/** State that each module has, and that says nothing of its kind. */
const COMMON = ['training', 'isFused', 'isFolded'];

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** The settings among the fields of an object: numbers, texts and sizes, and those of plain objects in it. */
function settingsOf(owner: object): string[] {
  return Object.entries(owner).flatMap(([name, value]) => {
    if (COMMON.includes(name)) return [];
    if (['number', 'string', 'boolean'].includes(typeof value)) return [`${name}=${value}`];
    if (Array.isArray(value) && value.every((item) => typeof item === 'number'))
      return [`${name}=${formatShape(value)}`];
    return isPlain(value) ? settingsOf(value) : [];
  });
}

/** A module with its settings, and below it the modules that it holds, as PyTorch prints them. */
export function printModule(module: Printable): string {
  const settings = settingsOf(module).join(', ');
  const children = [...module.namedChildren()].map(([name, child]) => `(${name}): ${printModule(child)}`);
  const kind = module.constructor.name;
  if (children.length === 0) return `${kind}(${settings})`;
  const lines = [settings, ...children].filter((line) => line !== '').join('\n');
  return `${kind}(\n${lines.replaceAll(/^/gm, '  ')}\n)`;
}
