/** A module of Node's own, by a name put together here, so that a bundler for browsers does not follow it. */
export function nodeBuiltin<T>(name: string): Promise<T> {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ `node:${name}`);
}
