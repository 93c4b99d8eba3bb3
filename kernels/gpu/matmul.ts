import type { MatmulGeometry, Storage } from '../primitives.ts';
import { type Family, type GpuMachine, keyOf, present } from './machine.ts';
import type { Program, ProgramInput } from './program/program.ts';

/** One output a thread: the dot product of a row and a column (+ bias). */
function matmulProgram(geometry: MatmulGeometry, bias: boolean): Program {
  const { batch, m, n, k, transposeA, transposeB, batchStrideA, batchStrideB } = geometry;
  const x = 'this.thread.x';
  const y = 'this.thread.y';
  const batchOffset = (stride: number) => (batch > 1 && stride > 0 ? `this.thread.z * ${stride} + ` : '');
  const a = transposeA ? `i * ${m} + ${y}` : `${y} * ${k} + i`;
  const b = transposeB ? `${x} * ${k} + i` : `i * ${n} + ${x}`;
  const inputs: ProgramInput[] = [{ name: 'a' }, { name: 'b' }];
  if (bias) inputs.push({ name: 'bias' });
  return {
    inputs,
    output: [n, m, batch],
    body: `let acc = ${bias ? `bias[${x}]` : '0.0'};
for (let i = 0; i < ${k}; i++) {
  acc += a[${batchOffset(batchStrideA)}${a}] * b[${batchOffset(batchStrideB)}${b}];
}
return acc;`,
  };
}

export function matrixProduct<S extends Storage>(machine: GpuMachine<S>): Family<S, 'matmul'> {
  return {
    matmul(a, b, bias, g) {
      const build = () => matmulProgram(g, bias !== null);
      const key = keyOf('matmul', g, bias !== null);
      return machine.run(g.batch * g.m * g.n, key, build, present(a, b, bias));
    },
  };
}
