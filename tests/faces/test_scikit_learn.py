"""scikit-learn runs on a pool through joblib, and finds what it finds serially."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")
joblib = pytest.importorskip("joblib")
pytest.importorskip("sklearn")

from sklearn.datasets import load_iris  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.linear_model import Ridge  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.tree import DecisionTreeClassifier  # noqa: E402

from pathos_nb import joblib_backend  # noqa: E402

X, Y = load_iris(return_X_y=True)


@pytest.fixture
def on_pool(pool):
    joblib_backend.register()
    with joblib.parallel_config(backend="pathos_nb", pool=pool):
        yield


def grid(**options):
    search = GridSearchCV(DecisionTreeClassifier(random_state=0), {"max_depth": [1, 2, 3]}, cv=3, **options)
    search.fit(X, Y)
    return search.cv_results_["split0_test_score"].tolist(), search.best_params_


def forest(**options):
    model = RandomForestClassifier(n_estimators=12, random_state=0, max_depth=3, **options).fit(X, Y)
    return model.predict(X), [tree.tree_.threshold.tolist() for tree in model.estimators_]


def test_a_grid_search(on_pool):
    with joblib.parallel_config("sequential"):
        serial = grid(n_jobs=1)
    assert grid() == serial


def test_cross_validation(on_pool):
    serial = cross_val_score(Ridge(), X, Y, cv=4, n_jobs=1).tolist()
    assert cross_val_score(Ridge(), X, Y, cv=4, n_jobs=-1).tolist() == serial


def test_a_forest(on_pool):
    (labels, trees), (serial_labels, serial_trees) = forest(n_jobs=-1), forest(n_jobs=1)
    assert trees == serial_trees
    assert np.array_equal(labels, serial_labels)


def test_a_parallel_model_within_a_parallel_search(on_pool):
    def search(n_jobs, inner):
        model = RandomForestClassifier(n_estimators=4, random_state=0, n_jobs=inner)
        found = GridSearchCV(model, {"max_depth": [1, 3]}, cv=2, n_jobs=n_jobs).fit(X, Y)
        return found.cv_results_["mean_test_score"].tolist()

    assert search(-1, 2) == search(1, 1)


def test_a_model_that_fails_says_so(on_pool):
    with pytest.raises(ValueError, match="max_depth"):
        GridSearchCV(DecisionTreeClassifier(max_depth="deep"), {"min_samples_leaf": [1, 2]}, error_score="raise").fit(
            X, Y
        )


@pytest.mark.leaves("files")  # the pool keeps its shared memory for the next large arguments
def test_large_data_are_shared_and_give_the_same(on_pool):
    x = np.random.default_rng(0).normal(size=(20_000, 10))
    y = x @ np.arange(10.0)
    serial = cross_val_score(Ridge(), x, y, cv=4, n_jobs=1).tolist()
    assert cross_val_score(Ridge(), x, y, cv=4, n_jobs=-1).tolist() == serial
