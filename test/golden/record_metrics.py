"""Records scikit-learn's metrics into metrics.json. Run: python3 test/golden/record_metrics.py"""

import json
import pathlib
import warnings

import numpy as np
from sklearn import calibration, metrics

warnings.filterwarnings("ignore")
rng = np.random.default_rng(0)


def roc(labels, scores):
    """The first threshold, above every score, is infinite from scikit-learn 1.3 on, and null here."""
    fpr, tpr, thresholds = metrics.roc_curve(labels, scores)
    numbers = lambda values: [None if np.isnan(x) else float(x) for x in values]
    return {"fpr": numbers(fpr), "tpr": numbers(tpr), "thresholds": [None, *map(float, thresholds[1:])]}


def reliability(labels, scores, bins):
    true, predicted = calibration.calibration_curve(labels, scores, n_bins=bins)
    return {"bins": bins, "probTrue": true.tolist(), "probPred": predicted.tolist()}


def best_kappa(labels, scores):
    """The greatest kappa that a threshold reaches."""
    kappas = [metrics.cohen_kappa_score(labels, scores > t) for t in [-1, *np.unique(scores)]]
    return float(np.nanmax([0, *kappas]))


def case(name, labels, scores, threshold=0.5):
    labels, scores = np.asarray(labels), np.asarray(scores, float)
    predicted = (scores > threshold).astype(int)
    one_class = len(set(labels)) < 2
    tn, fp, fn, tp = metrics.confusion_matrix(labels, predicted, labels=[0, 1]).ravel()
    number = lambda x: None if np.isnan(x) else float(x)
    return {
        "name": name,
        "threshold": threshold,
        "labels": labels.tolist(),
        "scores": scores.tolist(),
        "confusion": [int(tn), int(fp), int(fn), int(tp)],
        "accuracy": metrics.accuracy_score(labels, predicted),
        "kappa": number(metrics.cohen_kappa_score(labels, predicted)),
        "auroc": None if one_class else metrics.roc_auc_score(labels, scores),
        "sensitivity": None if tp + fn == 0 else metrics.recall_score(labels, predicted),
        "specificity": None if tn + fp == 0 else metrics.recall_score(labels, predicted, pos_label=0),
        "f1": None if 2 * tp + fp + fn == 0 else metrics.f1_score(labels, predicted),
        "bestKappa": best_kappa(labels, scores),
        "roc": roc(labels, scores),
        "calibration": [reliability(labels, scores, bins) for bins in (5, 10)],
    }


labels = rng.integers(0, 2, 200)
cases = [
    case("random", labels, rng.random(200)),
    case("informed", labels, np.clip(labels * 0.3 + rng.random(200) * 0.7, 0, 1).round(6)),
    case("ties", labels, np.round(labels * 0.3 + rng.random(200) * 0.7, 1)),
    case("all scores equal", labels[:40], np.full(40, 0.7)),
    case("constant predictor", labels[:50], rng.random(50) * 0.4),
    case("only normal, some found abnormal", np.zeros(20, int), rng.random(20)),
    case("only abnormal, all found", np.ones(9, int), 0.6 + 0.4 * rng.random(9)),
    case("another threshold", labels, np.round(labels * 0.3 + rng.random(200) * 0.7, 2), 0.7),
    case("scores on the edges of bins", rng.integers(0, 2, 33), np.tile(np.arange(11) / 10, 3)),
    case("perfect", [0, 0, 1, 1, 1], [0.1, 0.5, 0.51, 0.8, 0.9]),
    case("reversed", [0, 0, 1, 1], [0.9, 0.8, 0.2, 0.1]),
]
pathlib.Path(__file__).with_name("metrics.json").write_text(json.dumps(cases) + "\n")
