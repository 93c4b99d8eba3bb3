import type { Finding, Outcome } from './format.ts';

/** Findings alike are told once, with how many there were. */
const ALIKE = 3;
const FRAMES = 6;

/** What is one fault in most cases: thrown at one place, or told in the same words. */
function kindOf({ fault, detail }: Finding): string {
  const [first, ...stack] = detail.split('\n');
  return `${fault}: ${stack.find((line) => line.startsWith('    at ')) ?? first.replaceAll(/[\da-f]{40}|\d+/g, 'N')}`;
}

/** The first line, cut short, and the frames on top. */
function shorten(detail: string): string {
  const [first, ...stack] = detail.split('\n');
  return [first.slice(0, 300), ...stack.slice(0, FRAMES)].join('\n    ');
}

/** How a run went, and how to run each finding again. */
export function describe({ format, cases, read, refused, findings, seconds }: Outcome, seed: number): string {
  const head = `${findings.length > 0 ? 'FAIL' : 'ok  '} ${format.padEnd(13)} ${cases} cases: ${read} read, ${refused} refused, ${findings.length} findings, ${seconds.toFixed(1)} s`;
  const kinds = new Map<string, Finding[]>();
  for (const finding of findings)
    kinds.set(kindOf(finding), [...(kinds.get(kindOf(finding)) ?? []), finding]);
  const lines = [...kinds.values()].flatMap((alike) => [
    `  ${alike.length} x ${alike[0].fault}: ${shorten(alike[0].detail)}`,
    ...alike
      .slice(0, ALIKE)
      .map(({ index }) => `    npm run fuzz -- --format ${format} --seed ${seed} --case ${index}`),
  ]);
  return [head, ...lines].join('\n');
}
