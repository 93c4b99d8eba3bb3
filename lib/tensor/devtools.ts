import { Tensor } from './tensor.ts';

interface Formatter {
  /** JsonML, or null for values that another formatter may show. */
  header(value: unknown): readonly unknown[] | null;
  hasBody(value: unknown): boolean;
}

const formatter: Formatter = {
  header: (value) =>
    value instanceof Tensor
      ? ['div', { style: 'white-space: pre; font-family: monospace' }, `${value}`]
      : null,
  hasBody: () => false,
};

/**
 * Lets the console of Chromium's and Firefox's developer tools show tensors with their values, where "custom
 * formatters" are switched on in the tools' settings. Does nothing outside a browser, and nothing a second time.
 */
export function registerFormatter(): void {
  if (!('document' in globalThis || 'WorkerGlobalScope' in globalThis)) return;
  const tools = globalThis as { devtoolsFormatters?: Formatter[] };
  tools.devtoolsFormatters ??= [];
  if (!tools.devtoolsFormatters.includes(formatter)) tools.devtoolsFormatters.push(formatter);
}
