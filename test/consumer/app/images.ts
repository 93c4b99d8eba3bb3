import { DataLoader, drawMura, MuraDataset, transforms } from 'gradiograph/node';

await drawMura('drawn', { patients: { train: 1, valid: 1 } });
const { train } = await MuraDataset.open('drawn', { prepare: transforms.resize(32), cacheDir: 'cache' });
const { broken } = await train.check({ workers: 2 });
const loader = new DataLoader(train, { batchSize: 4, workers: 2 });
let images = 0;
for await (const batch of loader) images += batch.size;
await loader.close();
console.log(broken.length, images === train.length);
