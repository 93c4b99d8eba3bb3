import type { Device } from '../../lib/devices/device.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { F, ones, seed, tidy } from '../../lib/index.ts';

const LENGTH = 20_000;
/** Five standard deviations of a binomial share. */
const BAND = 5 * Math.sqrt(0.25 / LENGTH);

/** Half of the values are kept and doubled, the gradient goes through those alone, and a seed repeats the draw. */
export async function checkDropout(device: Device): Promise<void> {
  setDevice(device);
  await tidy(async () => {
    const draw = async () => {
      const x = ones([LENGTH], { requiresGrad: true });
      const y = F.dropout(x, 0.5, { training: true });
      y.backward(ones([LENGTH]));
      return [await y.data(), await x.grad?.data()];
    };
    seed(1);
    const [first, gradient] = await draw();
    const [second] = await draw();
    seed(1);
    const [again] = await draw();
    const kept = first?.filter((value) => value === 2).length ?? 0;
    const dropped = first?.filter((value) => value === 0).length ?? 0;
    if (kept + dropped !== LENGTH) throw new Error('dropout: p = 0.5 turned a 1 into neither 0 nor 2');
    if (Math.abs(kept / LENGTH - 0.5) > BAND) throw new Error(`dropout: p = 0.5 kept ${kept} of ${LENGTH}`);
    if (`${gradient}` !== `${first}`)
      throw new Error('dropout: the gradient has another mask than the output');
    if (`${second}` === `${first}`) throw new Error('dropout: two draws are the same');
    if (`${again}` !== `${first}`) throw new Error('dropout: one seed gave two draws');
  });
}
