#!/usr/bin/env python3
"""Fits the weights of src/rag/answer/confidence.cpp to the rows that tenon_side.py wrote. Usage: fit_confidence.py ROWS.jsonl...

Prints how well each signal tells answerable from unanswerable questions (area under the curve), what ten-fold cross-validation says of
several thresholds, and the weights. Needs numpy.
"""
import json
import sys

import numpy as np

rows = [json.loads(line) for name in sys.argv[1:] for line in open(name)]
rows = [r for r in rows if not r.get("cross")]
signals = ["coverage", "retrieval", "similarity", "missing"]


def fit(x, y, ridge=2.0):
    """Logistic regression in which both kinds of question count the same. Returns the constant and the weights."""
    mean, spread = x.mean(0), x.std(0) + 1e-9
    a = np.c_[np.ones(len(x)), (x - mean) / spread]
    w = np.zeros(a.shape[1])
    cost = np.where(y == 1, 0.5 / y.mean(), 0.5 / (1 - y.mean())) / 0.5
    for _ in range(20000):
        p = 1 / (1 + np.exp(-a @ w))
        w -= 0.005 * (a.T @ (cost * (p - y)) + ridge * np.r_[0, w[1:]]) / 2
    b = w[1:] / spread
    return w[0] - (b * mean).sum(), b


def auc(yes, no):
    return np.mean([(u > v) + 0.5 * (u == v) for u in yes for v in no])


for known in (True, False):
    names = [s for s in signals if known or s != "similarity"]
    here = [r for r in rows if (r["signals"]["similarity"] > 0) == known]
    if not here:
        continue
    x = np.array([[r["signals"][s] for s in names] for r in here])
    y = np.array([r["answerable"] for r in here], float)
    print(f"\n{'similarity known' if known else 'similarity not known'}: {len(here)} questions, {int((y == 0).sum())} of them unanswerable")
    for j, name in enumerate(names):
        print(f"  {name:12} auc {auc(x[y == 1, j], x[y == 0, j]):.3f}  medians {np.median(x[y == 1, j]):.2f} {np.median(x[y == 0, j]):.2f}")
    order = np.random.default_rng(0).permutation(len(x))
    guess = np.zeros(len(x))
    for k in range(10):
        test = order[k::10]
        train = np.setdiff1d(order, test)
        b0, b = fit(x[train], y[train])
        guess[test] = 1 / (1 + np.exp(-(b0 + x[test] @ b)))
    print(f"  cross-validated auc {auc(guess[y == 1], guess[y == 0]):.3f}")
    for t in (0.3, 0.35, 0.4, 0.45, 0.5, 0.6):
        print(f"  threshold {t}: answerable refused {(guess[y == 1] < t).mean():.3f}, unanswerable refused {(guess[y == 0] < t).mean():.3f}")
    b0, b = fit(x, y)
    print("  constant", round(b0, 2), dict(zip(names, b.round(2).tolist())))
