import { AutogradError } from '../errors.ts';
import { Tensor } from './tensor.ts';

/**
 * Runs `fn` and disposes every tensor made inside but those it returns (a tensor, or arrays, Maps, Sets and plain
 * objects of them, at any depth) and those given to `keep`. What the gradient tape needs lives on until `backward()`.
 * `fn` may return a promise: the scope then lasts until it settles, and scopes that are open at one time must close
 * in the reverse order of their opening.
 * @throws AutogradError when asynchronous scopes overlap instead of nesting.
 */
export function tidy<T>(fn: () => T): T {
  const scope = Tensor.openScope();
  let result: T;
  try {
    result = fn();
  } catch (error) {
    Tensor.closeScope(scope, new Set());
    throw error;
  }
  if (result instanceof Promise) {
    return result.then(
      (value) => {
        close(scope, value);
        return value;
      },
      (error) => {
        close(scope, undefined);
        throw error;
      },
    ) as T;
  }
  close(scope, result);
  return result;
}

function close(scope: Set<Tensor>, result: unknown): void {
  if (!Tensor.closeScope(scope, collectTensors(result))) {
    throw new AutogradError('tidy: asynchronous scopes overlap; await one tidy() before the next is started');
  }
}

/** Takes a tensor out of every scope: it lives until `dispose()`. */
export function keep<T extends Tensor>(tensor: T): T {
  return tensor.keep();
}

/** Every tensor reachable from a value through arrays, Maps, Sets and plain objects. */
function collectTensors(value: unknown, found = new Set<Tensor>(), seen = new Set<unknown>()): Set<Tensor> {
  if (value === null || typeof value !== 'object' || seen.has(value)) return found;
  seen.add(value);
  if (value instanceof Tensor) found.add(value);
  else if (Array.isArray(value) || value instanceof Set)
    for (const item of value) collectTensors(item, found, seen);
  else if (value instanceof Map) for (const item of value.values()) collectTensors(item, found, seen);
  else if ([Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    for (const item of Object.values(value)) collectTensors(item, found, seen);
  }
  return found;
}
