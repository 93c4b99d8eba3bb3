import { encodePng } from '../../lib/data/codecs/encode-png.ts';
import { REGIONS } from '../../lib/mura/regions.ts';
import { chooseGallery } from '../../lib/report/gallery.ts';
import type { Report } from '../../lib/report/page.ts';
import type { ScoredImage } from '../../lib/report/summary.ts';
import { Generator } from '../../lib/tensor/random.ts';
import type { EpochMetrics, EpochRecord } from '../../lib/train/fit.ts';

const normal = (random: Generator) => random.normal(1)[0];

/** Scores of a network of some skill, on studies of one to three views. */
export function madeUpPredictions(split: 'train' | 'valid', patients: number, seed: number): ScoredImage[] {
  const random = new Generator(seed);
  return Array.from({ length: patients }, (_, patient) => {
    const region = REGIONS[random.integer(REGIONS.length)];
    const label = random.random() < 0.4 ? 1 : 0;
    const study = `${split}/XR_${region.toUpperCase()}/patient${patient}/study1_${label ? 'positive' : 'negative'}`;
    const shared = normal(random);
    return Array.from({ length: 1 + random.integer(3) }, (_, view): ScoredImage => {
      const logit = 3.4 * label - 1.9 + 0.9 * shared + 0.8 * normal(random);
      const score = 1 / (1 + Math.exp(-logit));
      return { path: `${study}/image${view + 1}.png`, split, region, patient, study, label, score };
    });
  }).flat();
}

/** Loss falls and the rest rises; validation is best in the middle. */
export function madeUpHistory(epochs: number, best: number): EpochRecord[] {
  const random = new Generator(7);
  const metrics = (skill: number, loss: number): EpochMetrics => ({
    loss: loss + 0.01 * normal(random),
    accuracy: 0.55 + 0.4 * skill + 0.008 * normal(random),
    kappa: 0.9 * skill + 0.015 * normal(random),
    auroc: 0.55 + 0.44 * skill + 0.006 * normal(random),
  });
  return Array.from({ length: epochs }, (_, i): EpochRecord => {
    const learnt = 1 - Math.exp(-(i + 1) / 4);
    const spoilt = 0.02 * Math.max(0, i + 1 - best);
    return {
      epoch: i + 1,
      train: metrics(learnt, 0.7 - 0.55 * learnt),
      validation: metrics(0.85 * learnt - spoilt, 0.72 - 0.4 * learnt + 2 * spoilt),
      lr: 1e-3 * 0.3 ** Math.floor(i / 5),
      imagesPerSecond: 20 + random.random(),
      dataWait: 0.02 + 0.01 * random.random(),
    };
  });
}

/** A whole report, of which parts can be replaced. */
export function madeUpReport(parts: Partial<Report> = {}): Report {
  const threshold = 0.42;
  const test = madeUpPredictions('valid', 200, 1);
  const validation = madeUpPredictions('train', 150, 2);
  const picture = encodePng({ width: 2, height: 2, data: Uint8ClampedArray.of(0, 90, 180, 255) });
  return {
    title: 'ResNet-18 on seven regions',
    settings: {
      data: 'MURA-v1.1',
      regions: [],
      pretrained: null,
      seed: 0,
      recipe: {
        model: 'resnet18',
        size: 224,
        batchNorm: true,
        head: [256, { dropout: 0.5 }],
        lr: 0.001,
        schedule: { name: 'plateau' },
      },
    },
    device: 'wasm: 128-bit SIMD, relaxed FMA, 2 threads',
    seconds: 4321,
    sets: {
      train: { images: madeUpPredictions('train', 600, 3) },
      validation: { images: validation },
      test: { images: test },
    },
    broken: [
      { path: 'train/XR_HAND/patient1/study1_negative/image2.png', reason: 'truncated PNG (unexpected end)' },
    ],
    networks: [{ history: madeUpHistory(14, 9), best: { epoch: 9 } }],
    validation,
    test,
    threshold,
    gallery: chooseGallery(test, threshold).map((image) => ({ image, picture })),
    ...parts,
  };
}
