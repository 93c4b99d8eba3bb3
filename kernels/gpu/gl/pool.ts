import type { AvgPool2dGeometry, MaxPool2dGeometry, Pool2dGeometry } from '../../primitives.ts';
import { divisor, gatherLoops, windowLoops } from '../pool.ts';
import { isNaNText, type Program } from '../program/program.ts';
import { horizontalAxis, inputPosition, verticalAxis } from '../program/windows.ts';
import { LANES } from './pack.ts';

const inputDims = (g: Pool2dGeometry) => [g.inWidth, g.inHeight, (g.batch * g.channels) / 4] as const;
const outputDims = (g: Pool2dGeometry) => [g.outWidth, g.outHeight, (g.batch * g.channels) / 4] as const;
const each = (line: (lane: number) => string) => LANES.map(line).join('\n');
const four = (name: string) => `[${LANES.map((lane) => `${name}${lane}`).join(', ')}]`;

/** Max pooling of a packed storage: the values, then their positions y * inWidth + x. */
export function maxPool2dPacked(g: MaxPool2dGeometry): Program {
  const vertical = verticalAxis(g);
  const horizontal = horizontalAxis(g);
  const row = inputPosition(vertical, 'this.thread.y', 'ky');
  const column = inputPosition(horizontal, 'this.thread.x', 'kx');
  const compare = `const v = x[this.thread.z][${row}][${column}];
const position = (${row}) * ${g.inWidth} + ${column};
${each((lane) => `if (index${lane} < 0 || v[${lane}] > best${lane} || ${isNaNText(`v[${lane}]`)}) { best${lane} = v[${lane}]; index${lane} = position; }`)}`;
  return {
    inputs: [{ name: 'x', dims: inputDims(g), lanes: true }],
    output: outputDims(g),
    returns: 'Array(4)',
    maps: ['positions'],
    body: `${each((lane) => `let best${lane} = 0.0; let index${lane} = -1.0;`)}
${windowLoops(g, vertical, row, horizontal, column, compare)}
positions(${four('index')});
return ${four('best')};`,
  };
}

/** dx, packed: each input gathers from the windows that it won. */
export function maxPool2dGradPacked(g: MaxPool2dGeometry): Program {
  return gather(
    g,
    ['dy', 'indices'],
    (row, column) => `const g = dy[this.thread.z][${row}][${column}];
const winner = indices[this.thread.z][${row}][${column}];
${each((lane) => `if (winner[${lane}] == here) { acc${lane} += g[${lane}]; }`)}`,
    `const here = this.thread.y * ${g.inWidth} + this.thread.x;`,
  );
}

export function avgPool2dPacked(g: AvgPool2dGeometry): Program {
  const vertical = verticalAxis(g);
  const horizontal = horizontalAxis(g);
  const row = inputPosition(vertical, 'this.thread.y', 'ky');
  const column = inputPosition(horizontal, 'this.thread.x', 'kx');
  const add = `const v = x[this.thread.z][${row}][${column}];\n${each((lane) => `acc${lane} += v[${lane}];`)}`;
  return {
    inputs: [{ name: 'x', dims: inputDims(g), lanes: true }],
    output: outputDims(g),
    returns: 'Array(4)',
    body: `${each((lane) => `let acc${lane} = 0.0;`)}
${windowLoops(g, vertical, row, horizontal, column, add)}
const size = ${divisor(g, 'this.thread.y', 'this.thread.x')};
return [${LANES.map((lane) => `acc${lane} / size`).join(', ')}];`,
  };
}

/** dx, packed: the sum of dy / divisor over the windows that hold the input. */
export function avgPool2dGradPacked(g: AvgPool2dGeometry): Program {
  return gather(
    g,
    ['dy'],
    (row, column) => `const g = dy[this.thread.z][${row}][${column}];
const size = ${divisor(g, row, column)};
${each((lane) => `acc${lane} += g[${lane}] / size;`)}`,
  );
}

function gather(
  g: Pool2dGeometry,
  names: readonly string[],
  statement: (row: string, column: string) => string,
  start = '',
): Program {
  const { prelude, loops } = gatherLoops(g, statement);
  return {
    inputs: names.map((name) => ({ name, dims: outputDims(g), lanes: true })),
    output: inputDims(g),
    returns: 'Array(4)',
    body: `${prelude}
${start}
${each((lane) => `let acc${lane} = 0.0;`)}
${loops}
return ${four('acc')};`,
  };
}
