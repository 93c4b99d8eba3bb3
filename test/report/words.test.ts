/** What a report says: of hostile names, of models that are not to be trusted, of what there is not. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Report, renderReport } from '../../lib/report/page.ts';
import type { ScoredImage } from '../../lib/report/summary.ts';
import { madeUpHistory, madeUpPredictions, madeUpReport } from './made-up.ts';
import { pageOf, parse, rowOf, tableOf, textOf } from './open-page.ts';

test('hostile names are text', () => {
  const evil = `</td><script>alert("1")</script><img src=x onerror='a'>&amp;`;
  const report = madeUpReport();
  const [shown, ...rest] = report.gallery;
  const image = { ...shown.image, path: `${evil}/${evil}`, study: evil };
  const document = openSoundlyEscaped(
    renderReport({
      ...report,
      title: evil,
      device: evil,
      settings: { [evil]: evil, nested: { list: [evil] } },
      broken: [{ path: evil, reason: evil }],
      gallery: [{ ...shown, image }, ...rest],
    }),
  );
  assert.is(document.querySelector('h1')?.textContent, evil);
  assert.is(document.title, evil);
  assert.is(document.querySelector('#data li')?.textContent, `${evil}: ${evil}`);
  assert.is(document.querySelector('#gallery img')?.getAttribute('title'), image.path);
  assert.equal(rowOf(tableOf(document, 'What was asked for'), evil), [evil]);
});

test('escape sequences and line breaks in names are seen, and act on nothing', () => {
  const report = madeUpReport();
  const [shown, ...rest] = report.gallery;
  const path = 'XR_HAND/\x1b]0;owned\x07/\u202etwo\nlines.png';
  const page = renderReport({
    ...report,
    title: path,
    broken: [{ path, reason: path }],
    gallery: [{ ...shown, image: { ...shown.image, path } }, ...rest],
  });
  assert.not.match(page, /[^\P{C}\n]/u);
  const document = parse(page);
  const quoted = "$'XR_HAND/\\x1b]0;owned\\x07/\\u202etwo\\nlines.png'";
  assert.is(document.querySelector('#data .path')?.textContent, quoted);
  assert.is(document.querySelector('#gallery .path')?.textContent, quoted);
});

test('maps of images that were called normal say that they show what spoke for abnormal', () => {
  const sections = textOf(pageOf().querySelector('#gallery')).split(
    /(?=Missed:|False alarms:|Found:|Cleared:)/,
  );
  const saying = sections.map((section) => /do not show what is normal/.test(section));
  assert.equal(saying, [false, true, false, false, true]);
  assert.match(sections[0], /Each map has a scale of its own/);
});

/** As `openSound`, without the search of the text for what a script would look like. */
function openSoundlyEscaped(page: string): Document {
  const document = parse(page);
  assert.is(document.querySelectorAll('script, [onerror]').length, 0);
  assert.is(document.querySelectorAll('img').length, madeUpReport().gallery.length);
  return document;
}

test('a constant predictor is denounced aloud', () => {
  const constant = madeUpPredictions('valid', 40, 5).map((one) => ({ ...one, score: 0.3 }));
  const document = pageOf({ test: constant, gallery: [] });
  assert.match(
    textOf(document.querySelector('[role=alert]')),
    /^Warning: every prediction is 'normal'.*constant predictor/,
  );
  assert.match(textOf(document.querySelector('.card')), /Not more accurate than always answering “normal”/);
  assert.match(textOf(document.querySelector('#gallery')), /No pictures were made/);
});

test("a kappa below chance stands left of chance on its line, and an interval's ends where they are", () => {
  const wrong = madeUpPredictions('valid', 40, 5).map((one, i) => ({
    ...one,
    score: i % 5 === 0 ? one.score : 1 - one.score,
  }));
  for (const card of pageOf({ test: wrong, gallery: [] }).querySelectorAll('.card')) {
    const measure = [...card.querySelectorAll('.measure')].find((one) => textOf(one).startsWith('kappa'));
    const placeOf = (name: string, side: string) =>
      Number(
        new RegExp(`${side}:([\\d.-]+)%`).exec(
          measure?.querySelector(`.${name}`)?.getAttribute('style') ?? '',
        )?.[1],
      );
    const [, kappa, low, high] = (
      /^kappa (-?[\d.]+) (-?[\d.]+) to (-?[\d.]+)/.exec(textOf(measure ?? null)) ?? []
    ).map(Number);
    assert.ok(kappa < 0 && low < kappa && high > low);
    const least = Math.min(0, low);
    const near = (place: number, value: number) =>
      assert.ok(Math.abs(place - (100 * (value - least)) / (1 - least)) < 0.2, `${place}: ${value}`);
    near(placeOf('value', 'left'), kappa);
    near(placeOf('base', 'left'), 0);
    near(placeOf('range', 'left'), low);
    near(100 - placeOf('range', 'right'), high);
  }
});

test('what does not exist is said in words', () => {
  const some = madeUpPredictions('valid', 20, 6);
  const saying = (id: string, words: RegExp, parts: Partial<Report>) =>
    assert.match(textOf(pageOf({ test: some, gallery: [], ...parts }).querySelector(`#${id}`)), words);
  const normal = some.filter(({ label }) => label === 0);

  saying('results', /no test images/, { test: [] });
  saying('curves', /ROC curve ?There is none: the set holds one class only/, { test: normal });
  saying('results', /Every one is normal: accuracy says nothing/, { test: normal });
  saying('regions', /undefined/, { test: normal });
  const lost = some.map((one, i): ScoredImage => (i === 3 ? { ...one, score: Number.NaN } : one));
  saying('results', /1 of \d+ probabilities are not numbers/, { test: lost });
  saying('curves', /Calibration ?There is none: some probabilities are not numbers/, {
    test: lost,
    gallery: [],
  });
  const allLost = some.map((one) => ({ ...one, score: Number.NaN }));
  saying('curves', /Distribution ?There is none: no probability is a number/, { test: allLost });
  saying('results', /no validation set/, { validation: [] });
  saying('results', /1 image of 1 patient(?!s)/, { test: some.slice(0, 1) });

  const history = madeUpHistory(1, 1).map((record) => ({ ...record, validation: null }));
  saying('training', /weights of the last epoch were kept.*There is none for validation/, {
    networks: [{ history, best: null }],
  });
  saying('training', /No epoch was trained/, { networks: [{ history: [], best: null }] });
  saying('machine', /nothing was trained/, { networks: [{ history: [], best: null }] });
  const oneClass = madeUpHistory(3, 1).map((record) => ({
    ...record,
    train: { ...record.train, auroc: Number.NaN },
    validation: { loss: Number.NaN, accuracy: 1, auroc: Number.NaN, kappa: Number.NaN },
  }));
  saying('training', /AUROC ?It is undefined in every epoch/, {
    networks: [{ history: oneClass, best: null }],
  });
  saying('data', /No image was broken/, { broken: [] });
});

test.run();
