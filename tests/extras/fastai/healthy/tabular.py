# healthy: TabularDataLoaders with categories, missing values and scaling done by fastai
import numpy as np
import pandas as pd
from fastai.tabular.all import *

set_seed(0)
rng = np.random.default_rng(0)
n = 2000
table = pd.DataFrame({
    "age": rng.integers(18, 80, n),
    "hours": rng.normal(40, 10, n),
    "income": rng.lognormal(10, 0.5, n),
    "job": rng.choice(["clerk", "engineer", "farmer", "nurse"], n),
    "region": rng.choice(["north", "south", "east"], n),
})
score = 0.05 * (table["age"] - 45) + 0.08 * (table["hours"] - 40) + 1.2 * (table["job"] == "engineer")
table["bought"] = np.where(score + rng.normal(0, 0.5, n) > 0.3, "yes", "no")
table.loc[rng.choice(n, 60), "hours"] = np.nan

dls = TabularDataLoaders.from_df(
    table,
    procs=[Categorify, FillMissing, Normalize],
    cat_names=["job", "region"],
    cont_names=["age", "hours", "income"],
    y_names="bought",
    y_block=CategoryBlock(),
    valid_idx=list(range(1600, 2000)),
    bs=64,
)
learn = tabular_learner(dls, layers=[64, 32], metrics=accuracy)
with learn.no_bar():
    learn.fit_one_cycle(6, 1e-2)
