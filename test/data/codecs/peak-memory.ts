/** Decodes the file of its argument, and prints what came of it and by how many megabytes the process grew meanwhile. */
import { readFileSync } from 'node:fs';
import { decodeImage } from '../../../lib/data/codecs/decode.ts';

const peak = () => process.resourceUsage().maxRSS / 1000;
const file = readFileSync(process.argv[2]);
const before = peak();
let message: string;
try {
  const { width, height } = decodeImage(file);
  message = `${width}x${height}`;
} catch (error) {
  message = (error as Error).message;
}
console.log(JSON.stringify({ message, megabytes: peak() - before }));
