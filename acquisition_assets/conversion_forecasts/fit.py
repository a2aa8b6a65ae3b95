"""Fits the logistic regression and says how sure its probabilities are, the same to the last bit for the same rows.

Leaves the matrix to design.py and whether a model may be used to gate.py.
"""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from acquisition_assets.conversion_forecasts.measures import Floats, Ints, overlap
from acquisition_assets.conversion_forecasts.policy import ForecastPolicy

ITERATIONS = 200
TOLERANCE = 1e-8


@dataclass(frozen=True)
class Coefficients:
    """A fitted logistic regression: intercept and weights, and the covariance of all of them (the intercept first)."""

    intercept: float
    weights: Floats
    covariance: Floats

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the coefficients' bits."""
        return hashlib.sha256(np.r_[self.intercept, self.weights].astype("<f8").tobytes()).hexdigest()

    def log_odds(self, matrix: Floats) -> Floats:
        """Return the log odds of each line. A line's number does not depend on the other lines."""
        summed: Floats = np.einsum("ij,j->i", matrix, self.weights, optimize=False) + self.intercept
        return summed

    def deviations(self, matrix: Floats) -> Floats:
        """Return the standard error of each line's log odds."""
        with one_thread():
            spread = matrix @ self.covariance[1:, 1:]
        variance = (
            np.einsum("ij,ij->i", spread, matrix, optimize=False)
            + 2 * np.einsum("ij,j->i", matrix, self.covariance[0, 1:], optimize=False)
            + self.covariance[0, 0]
        )
        deviations: Floats = np.sqrt(np.maximum(variance, 0.0))
        return deviations


def fit(matrix: Floats, labels: Floats, leads: Ints, policy: ForecastPolicy) -> Coefficients:
    """Return the regression fitted on rows that are in a fixed order.

    The penalty is that of rows that each see an outcome of their own: where a conversion is seen from several cut-offs,
    the rows together weigh as if it was seen once.

    Args:
        matrix: a line per training row, standardised.
        labels: 1 where the lead converted, else 0; both are there.
        leads: the number of each row's lead; rows of one lead are not independent.
        policy: the penalty.
    """
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    inverse_penalty = policy.inverse_penalty / overlap(leads, labels)
    with one_thread():
        model = LogisticRegression(C=inverse_penalty, solver="newton-cholesky", max_iter=ITERATIONS, tol=TOLERANCE).fit(
            matrix, labels
        )
        weights = np.asarray(model.coef_, dtype=np.float64).ravel()
        intercept = float(np.asarray(model.intercept_).ravel()[0])
        return Coefficients(intercept, weights, _covariance(matrix, labels, leads, intercept, weights, inverse_penalty))


def expit(log_odds: Floats) -> Floats:
    """Return the probabilities of log odds."""
    probabilities: Floats = 0.5 * (1.0 + np.tanh(0.5 * log_odds))
    return probabilities


def one_thread() -> AbstractContextManager[object]:
    """Return a context in which linear algebra runs on one thread: several would add in another order."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limits


def _covariance(
    matrix: Floats, labels: Floats, leads: Ints, intercept: float, weights: Floats, inverse_penalty: float
) -> Floats:
    """Return the covariance clustered by lead: the sandwich of the penalised curvature and the leads' scores."""
    probabilities = expit(np.einsum("ij,j->i", matrix, weights, optimize=False) + intercept)
    width = weights.size + 1
    curvature = probabilities * (1 - probabilities)
    bread = np.zeros((width, width))
    bread[0, 0] = curvature.sum()
    bread[0, 1:] = bread[1:, 0] = curvature @ matrix
    bread[1:, 1:] = (matrix * curvature[:, None]).T @ matrix + np.eye(width - 1) / inverse_penalty
    residual = labels - probabilities
    number = int(leads.max()) + 1
    scores = np.empty((number, width))
    scores[:, 0] = np.bincount(leads, residual, minlength=number)
    for place in range(width - 1):
        scores[:, place + 1] = np.bincount(leads, residual * matrix[:, place], minlength=number)
    inverse = np.linalg.inv(bread)
    covariance: Floats = inverse @ (scores.T @ scores * (number / max(1, number - 1))) @ inverse
    return covariance
