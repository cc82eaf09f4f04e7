# expect: outlier-samples
# location: none
# audit: train=patients.npz
# note: one of the wards sent its values in another unit
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main():
    x, y = load_breast_cancer(return_X_y=True)
    ward = np.random.default_rng(0).random(len(x)) < 0.02
    x[ward, 3] *= 1000
    np.savez("patients.npz", x=x, y=y)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    print(f"accuracy {cross_val_score(model, x, y, cv=3).mean():.3f}")


if __name__ == "__main__":
    main()
