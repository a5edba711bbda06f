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
names = ["coverage", "retrieval", "similarity", "no similarity", "missing"]
x = np.array([[r["signals"]["coverage"], r["signals"]["retrieval"], r["signals"]["similarity"], float(r["signals"]["similarity"] == 0), r["signals"]["missing"]] for r in rows])
y = np.array([r["answerable"] for r in rows], float)
mean, spread = x.mean(0), x.std(0) + 1e-9


def fit(x, y, ridge=1.0):
    a = np.c_[np.ones(len(x)), (x - mean) / spread]
    w = np.zeros(a.shape[1])
    cost = np.where(y == 1, 0.5 / y.mean(), 0.5 / (1 - y.mean()))  # both kinds count the same
    for _ in range(3000):
        p = 1 / (1 + np.exp(-a @ w))
        w -= 0.02 * (a.T @ (cost * (p - y)) + ridge * np.r_[0, w[1:]])
    b = w[1:] / spread
    return w[0] - (b * mean).sum(), b


for lang in ("en", "zh"):
    here = np.array([r["lang"] == lang for r in rows])
    for j, name in ((0, names[0]), (1, names[1]), (2, names[2]), (4, names[4])):
        yes, no = x[here & (y == 1), j], x[here & (y == 0), j]
        auc = np.mean([(u > v) + 0.5 * (u == v) for u in yes for v in no])
        print(f"{lang} {name:12} auc {auc:.3f}  medians {np.median(yes):.2f} {np.median(no):.2f}")
order = np.random.default_rng(0).permutation(len(x))
guess = np.zeros(len(x))
for k in range(10):
    test = order[k::10]
    train = np.setdiff1d(order, test)
    b0, b = fit(x[train], y[train])
    guess[test] = 1 / (1 + np.exp(-(b0 + x[test] @ b)))
for lang in ("en", "zh"):
    here = np.array([r["lang"] == lang for r in rows])
    yes, no = guess[here & (y == 1)], guess[here & (y == 0)]
    print(f"{lang} confidence   auc {np.mean([(u > v) + 0.5 * (u == v) for u in yes for v in no]):.3f} (cross-validated)")
for t in (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6):
    print(f"threshold {t}: answerable refused {(guess[y == 1] < t).mean():.3f}, unanswerable refused {(guess[y == 0] < t).mean():.3f}")
b0, b = fit(x, y)
print("constant", round(b0, 2), dict(zip(names, b.round(2))))
