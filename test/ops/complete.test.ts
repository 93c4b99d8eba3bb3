/** The op table leaves nothing out: every public function has a row, and its rows reach all that devices and tape name. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BINARY_OPS, type Device, REDUCE_OPS, UNARY_GRAD_OPS, UNARY_OPS } from '../../lib/devices/device.ts';
import { F } from '../../lib/index.ts';
import * as joins from '../../lib/ops/cat.ts';
import * as methods from '../../lib/ops/methods.ts';
import * as selections from '../../lib/ops/where.ts';
import { traceOps } from '../../lib/tensor/autograd.ts';
import { OP_NAMES } from '../../lib/tensor/op-names.ts';
import { ReferenceDevice } from '../support/reference/device.ts';
import { CASES } from './cases.ts';
import { checkOp } from './check.ts';

/** Methods of a device that the ops of the table do not call: storages, and the optimisers' steps. */
const NOT_OPS = [
  'constructor',
  'upload',
  'read',
  'readSync',
  'free',
  'memory',
  'dispose',
  'sgdStep',
  'adamStep',
];

/** Notes what is called of a device, and which of the named functions. */
function noting(device: Device, calls: Set<string>): Device {
  return new Proxy(device, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        calls.add(String(name)).add(`${String(name)} ${args[0]}`);
        return member.apply(target, args);
      };
    },
  });
}

test('every function that is public has a row in the op table', () => {
  const parts: Readonly<Record<string, string>> = { split: 'secondChunk', chunk: 'secondChunk' };
  const ops = new Set(CASES.map(({ op }) => op));
  const names = Object.keys({ ...methods, ...joins, ...selections, ...F });
  assert.equal(
    names.filter((name) => !ops.has(parts[name] ?? name)),
    [],
  );
});

test('the op table reaches every primitive, every function of the contract, and every name on the tape', async () => {
  const calls = new Set<string>();
  const recorded = new Set<string>();
  const device = noting(new ReferenceDevice(), calls);
  for (const golden of CASES) {
    await traceOps(
      ({ name }) => recorded.add(name),
      () => checkOp(golden, device),
    );
  }
  const primitives = Object.getOwnPropertyNames(ReferenceDevice.prototype);
  const wanted = [
    ...primitives.filter((name) => !NOT_OPS.includes(name)),
    ...UNARY_OPS.map((op) => `unary ${op}`),
    ...UNARY_GRAD_OPS.map((op) => `unaryGrad ${op}`),
    ...BINARY_OPS.map((op) => `binary ${op}`),
    ...REDUCE_OPS.map((op) => `reduce ${op}`),
  ];
  assert.equal(
    wanted.filter((name) => !calls.has(name)),
    [],
  );
  // test/tensor and test/nn have two devices, which `to` wants.
  assert.equal(
    OP_NAMES.filter((name) => !recorded.has(name) && name !== 'to'),
    [],
  );
});

test.run();
