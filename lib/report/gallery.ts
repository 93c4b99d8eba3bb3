import { printable } from '../printable.ts';
import { html, type Markup } from './html.ts';
import type { ScoredImage } from './summary.ts';

/** An image with its picture: a PNG file, as a rule under a map of what spoke for abnormal (`overlayPng`). */
export interface GalleryItem {
  /** The image, its label and score. */
  readonly image: ScoredImage;
  /** The bytes of a PNG file. */
  readonly picture: Uint8Array;
}

interface Group {
  readonly title: string;
  readonly label: 0 | 1;
  readonly abnormal: boolean;
}

/** The four ways to be right or wrong, errors first. */
const GROUPS: readonly Group[] = [
  { title: 'Missed: abnormal, called normal', label: 1, abnormal: false },
  { title: 'False alarms: normal, called abnormal', label: 0, abnormal: true },
  { title: 'Found: abnormal, called abnormal', label: 1, abnormal: true },
  { title: 'Cleared: normal, called normal', label: 0, abnormal: false },
];

const isIn = ({ label, abnormal }: Group, image: ScoredImage, threshold: number) =>
  image.label === label && image.score > threshold === abnormal;

/**
 * The images worth a look: of the missed, the false alarms, the found and the cleared those `each` whose score lies
 * farthest to the side that the model took, the surest first, no two of one study in a group. Scores that are NaN have no side.
 * @param threshold scores above it count as abnormal; default 0.5
 * @param each images of a kind; default 6
 */
export function chooseGallery(predictions: readonly ScoredImage[], threshold = 0.5, each = 6): ScoredImage[] {
  return GROUPS.flatMap((group) => {
    const studies = new Set<string>();
    return predictions
      .filter((image) => !Number.isNaN(image.score) && isIn(group, image, threshold))
      .sort((a, b) => (group.abnormal ? b.score - a.score : a.score - b.score))
      .filter(({ study }) => !studies.has(study) && studies.add(study))
      .slice(0, each);
  });
}

/** The pictures in their four groups, in the order given. */
export function gallerySection(gallery: readonly GalleryItem[], threshold: number): Markup {
  if (gallery.length === 0) return html`<p class="absent">No pictures were made.</p>`;
  return html`
<p>The surest answers of each kind, errors first. Where a map is laid over, colours mark what spoke for <em>abnormal</em>, the
brighter the more. Each map has a scale of its own: bright is its strongest place, however weak that is.</p>
${GROUPS.map((group) => {
  const items = gallery.filter(({ image }) => isIn(group, image, threshold));
  const note = group.abnormal ? null : html`<p class="note">${CALLED_NORMAL}</p>`;
  const grid = html`${note}<ul class="gallery">${items.map(card)}</ul>`;
  return html`<h3>${group.title}</h3>${items.length > 0 ? grid : html`<p class="absent">None.</p>`}`;
})}`;
}

const CALLED_NORMAL =
  'These maps do not show what is normal. They too mark what spoke for abnormal, which was not enough for that answer; a picture without colours has nothing that did.';

function card({ image, picture }: GalleryItem): Markup {
  const { region, label, score, path } = image;
  const truth = label === 1 ? 'abnormal' : 'normal';
  const probability = score.toFixed(3);
  const alt = `${region}, ${truth}, probability of abnormal ${probability}`;
  return html`<li><figure>
<img src="data:image/png;base64,${Buffer.from(picture).toString('base64')}" alt="${alt}" title="${printable(path)}">
<figcaption><strong>${region}</strong>, ${truth}<br>probability ${probability}<br><small class="path">${breakable(printable(path))}</small></figcaption>
</figure></li>`;
}

/** A path that may go on in the next line after each slash and underscore; where it is copied nothing is in between. */
const breakable = (path: string) => path.split(/(?<=[/_])/).map((part) => html`${part}<wbr>`);
