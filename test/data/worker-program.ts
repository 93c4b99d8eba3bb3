/** A program that leaves its workers in the way that its argument names. */
import { createImage } from '../../lib/data/image.ts';
import { DataLoader } from '../../lib/data/loader.ts';

const dataset = { length: 400, image: async () => createImage(64, 64), target: () => 0 };
const loader = new DataLoader(dataset, { batchSize: 2, workers: 2 });
const how = process.argv[2];
for await (const batch of loader) {
  if (how === 'break') break;
  if (how === 'throw') throw new Error('thrown on purpose');
  if (how === 'exit') process.exit(3);
  if (how === 'interrupt') process.kill(process.pid, 'SIGINT');
  if (how === 'close') {
    await loader.close();
    console.log('closed');
    break;
  }
  if (how === 'finish' && batch.indices.includes(399)) console.log('finished');
}
