# expect: conflicting-labels
# accept: duplicate-samples
# location: none
# audit: train=reviewed.npz
# note: some scans were read by a second person, and both readings were kept as samples of their own
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score


def second_reading(labels, rng):
    """Labels as another person reads them: now and then something else."""
    read = labels.copy()
    wrong = rng.random(len(read)) < 0.5
    read[wrong] = rng.integers(0, 10, wrong.sum())
    return read


def main():
    rng = np.random.default_rng(0)
    x, y = load_digits(return_X_y=True)
    again = rng.choice(len(x), 120, replace=False)
    x = np.concatenate([x, x[again]])
    y = np.concatenate([y, second_reading(y[again], rng)])
    order = rng.permutation(len(x))
    np.savez("reviewed.npz", x=x[order], y=y[order])
    model = LogisticRegression(max_iter=300)
    print(f"accuracy {cross_val_score(model, x[order] / 16, y[order], cv=3).mean():.3f}")


if __name__ == "__main__":
    main()
