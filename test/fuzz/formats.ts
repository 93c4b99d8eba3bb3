/** Every format that is fuzzed. */
import type { Format } from './format.ts';
import { jpeg, png } from './formats/images.ts';
import { checkpoint, network, pretrained, result } from './formats/saved.ts';
import { imageList, predictions, studyList } from './formats/tables.ts';
import { legacy, safetensors, torch } from './formats/weights.ts';

export const FORMATS: readonly Format[] = [
  torch,
  legacy,
  safetensors,
  png,
  jpeg,
  imageList,
  studyList,
  predictions,
  checkpoint,
  network,
  pretrained,
  result,
];
