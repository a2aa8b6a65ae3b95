"""Reads the worked examples of channels, and classifies them with the shipped policy.

What is expected of it is left to channels/test_*.py.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from acquisition_assets.channels.classify import Channel, Classifier
from acquisition_assets.channels.policy import ChannelPolicy
from acquisition_assets.channels.reduce import reduce_lead
from acquisition_assets.policy import read_policy

TESTS = Path(__file__).parents[1]
VECTORS = TESTS / "channels" / "vectors.csv"
DATA = TESTS / "data" / "channels"
SHIPPED = read_policy().channels.model_dump()
POLICY = ChannelPolicy.model_validate({**SHIPPED, "own_hosts": ["own.example"]})
PLATFORMS = read_policy().platforms
CLASSIFIER = Classifier(POLICY, PLATFORMS)


def classify(policy: ChannelPolicy = POLICY, classifier: Classifier = CLASSIFIER, **lead: Any) -> Channel:
    """The channel of a lead with these fields as a source gives them."""
    return classifier.classify(**reduce_lead(policy, **lead))


def vectors() -> list[dict[str, str]]:
    """The worked examples, a row each."""
    lines = VECTORS.read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))
