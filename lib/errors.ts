import { escapeUnseen } from './printable.ts';

/** The root of every error this library throws on purpose: catch it to tell a wrong call from a bug. */
export class GradiographError extends Error {
  /** The name of the class, which minifiers leave as it is. */
  override readonly name: string = 'GradiographError';
}

/** An argument has the wrong shape, rank or value. The message holds the op, what it got and what it wants. */
export class ShapeError extends GradiographError {
  override readonly name = 'ShapeError';
}

/** An argument is of a kind that the call does not take, or an option does not exist. The message names what is taken. */
export class ArgumentError extends GradiographError {
  override readonly name = 'ArgumentError';
}

/** The gradient graph was misused: a second backward, a loss that is no scalar, a tensor used after disposal. */
export class AutogradError extends GradiographError {
  override readonly name = 'AutogradError';
}

/** A device is missing, cannot do what was asked, or ran out of memory. The message says what would help. */
export class DeviceError extends GradiographError {
  override readonly name = 'DeviceError';
}

/** A file is broken, or is not of the format it should be. The message names the file or the offset. */
export class FormatError extends GradiographError {
  override readonly name = 'FormatError';
}

/** A state dict does not fit the module it is loaded into. The message lists the keys at fault, 100 of each kind. */
export class StateDictError extends GradiographError {
  override readonly name = 'StateDictError';
}

/** A model that was fused for inference was to be trained, or fused again. The message says what to do instead. */
export class FusedError extends GradiographError {
  override readonly name = 'FusedError';
}

/** A file could not be fetched. The message says which, and where to put it by hand. */
export class DownloadError extends GradiographError {
  override readonly name = 'DownloadError';
}

/** Training cannot go on: a loss that is no number. The message says in which epoch and batch, and what may help. */
export class TrainingError extends GradiographError {
  override readonly name = 'TrainingError';
}

/** The most characters of a value that an error quotes, and the most items of a list. */
const QUOTED_CHARACTERS = 100;
const QUOTED_ITEMS = 8;

/**
 * A value in an error's words, whatever a file or a caller may have put there: text in quotes, cut short, with control
 * characters escaped; numbers as they are; the first items of a list, and of what they hold in turn only the kind.
 */
export function quote(value: unknown): string {
  if (!Array.isArray(value)) return quoteOne(value);
  const items = value.slice(0, QUOTED_ITEMS).map(quoteOne);
  if (value.length > QUOTED_ITEMS) items.push(`... (${value.length} items)`);
  return `[${items.join(', ')}]`;
}

function quoteOne(value: unknown): string {
  if (typeof value === 'string') {
    const rest = value.length > QUOTED_CHARACTERS ? `... (${value.length} characters)` : '';
    return `'${escapeUnseen(value.slice(0, QUOTED_CHARACTERS))}'${rest}`;
  }
  if (Array.isArray(value)) return 'a list';
  if ((typeof value === 'object' && value !== null) || typeof value === 'function') return kindOf(value);
  const text = String(value);
  return text.length > QUOTED_CHARACTERS ? `${text.slice(0, QUOTED_CHARACTERS)}...` : text;
}

/** What an object is: a Map, an Int8Array, an object, a function. */
function kindOf(value: object): string {
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return `${/^[AEIO]/.test(kind) ? 'an' : 'a'} ${['Object', 'Function'].includes(kind) ? kind.toLowerCase() : kind}`;
}
