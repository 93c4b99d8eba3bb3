import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { type DeviceChoice, DeviceError, init, ones } from '../../lib/index.ts';

/** What `init` throws for a device. */
async function refusal(device: string): Promise<string> {
  const error = await init({ device: device as DeviceChoice }).then(
    (opened) => opened.dispose(),
    (error: unknown) => error,
  );
  assert.instance(error, DeviceError);
  return (error as DeviceError).message;
}

test('a device that does not exist is refused with the names of those that do', async () => {
  assert.match(await refusal('cuda'), /no device 'cuda'.*auto, gpu, wasm, .*webgpu.*headlessgl.*cpu/);
});

test('a mode that this machine lacks is an error that says what it needs, and no other runs in its place', async () => {
  assert.match(await refusal('webgl2'), /'webgl2' needs a browser with WebGL2/);
  assert.match(await refusal('webgl'), /'webgl' needs a browser with WebGL/);
});

test('a tensor before init() is an error', () => {
  setDevice(null);
  assert.throws(() => ones([1]), /await init\(\)/);
});

test.run();
