/**
 * How near to the fault a trained network's maps are hottest, on drawings in the manner of the drawn set, made anew:
 *
 *     npm run mura && npx tsx test/explain/measure-maps.ts runs/mura/best.safetensors
 */
import { mapActivations, normalizationOf, prepareOf } from '../../examples/mura/build.ts';
import { openNetwork } from '../../examples/mura/weights.ts';
import { Generator, init, noGrad } from '../../lib/index.ts';
import { type ActivationMap, REGIONS } from '../../lib/node.ts';
import { batchOf, draw, isAbnormal, localise } from './known-faults.ts';

const COUNT = 560;
const DRAWN_SIZE = 190;
const BATCH = 32;

const [path] = process.argv.slice(2);
if (!path) throw new Error('usage: npx tsx test/explain/measure-maps.ts best.safetensors');
const device = await init();
const { model, card } = await openNetwork(path);
const { recipe, regions } = card;
const prepare = prepareOf(recipe);
const abnormal = draw(COUNT, regions.length > 0 ? regions : REGIONS, DRAWN_SIZE, 7)
  .filter(isAbnormal)
  .map((drawing, i) => ({ ...drawing, image: prepare(drawing.image, new Generator(i)) }));

const maps: ActivationMap[] = [];
let found = 0;
model.eval();
for (let start = 0; start < abnormal.length; start += BATCH) {
  using x = batchOf(abnormal.slice(start, start + BATCH), normalizationOf(recipe));
  using logits = noGrad(() => model.forward(x));
  found += (await logits.data()).filter((logit) => logit > 0).length;
  maps.push(...(await mapActivations(model, x)));
}
const { own, chance, middle } = localise(abnormal, maps);
const [{ width, height }] = maps;
console.log(
  `${recipe.model} at ${recipe.size}, ${abnormal.length} abnormal drawings, of which it finds ${found}; maps of ${height}x${width}`,
);
console.log(
  `hottest point to fault: ${own.toFixed(3)} of the side; by chance ${chance.toFixed(3)}, from the middle ${middle.toFixed(3)}`,
);
await device.dispose();
