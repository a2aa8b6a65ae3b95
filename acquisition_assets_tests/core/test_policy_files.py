"""Protects how a user's policy file is merged with the shipped one, or refused with file, key and allowed values.

What the numbers do is tested in test_policy_numbers.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from acquisition_assets.core.errors import InputError
from acquisition_assets.core.policy import merge, read_yaml
from acquisition_assets.policy import SHIPPED, Policy, read_policy

SEGMENT = "{description: x, criterion: age_days > 3}"
REFUSED = [
    # what is not a mapping of sections
    ("- locale", "must be a mapping of sections, not list"),
    ("es", "must be a mapping of sections, not str"),
    ("reports: [1", "not valid YAML: did not find expected ',' or ']'"),
    ("\tlocale: es", "line 1, column 1: not valid YAML: found character that cannot start any token"),
    ("reports:\n\tpredictions: 3", "line 2, column 1: not valid YAML: found character"),
    ("\x00", "not valid YAML"),
    ("{" * 5000, "not valid YAML"),
    ("a: !!python/object/apply:os.system ['true']", "line 1, column 4: not valid YAML: tags such as tag:yaml.org"),
    *((f"locale: {tagged}", "tags such as") for tagged in ("!!bool maybe", '!!int ""', "!mine es", "! es", "!!str es")),
    ("reports: !!map [1]", "tags such as tag:yaml.org,2002:map are not read; write the value itself"),
    ("locale: es\n---\nlocale: en", "line 2, column 1: not valid YAML: a second document begins here"),
    ("locale: " + "[" * 60 + "]" * 60, "not valid YAML: nested deeper than 50 levels"),
    ('locale: "\\U00110000"', "not valid YAML"),
    ("reports: {predictions: " + "9" * 5000 + "}", "is too long for a number"),
    ("locale: 2025-13-45", "locale: must be 'es' or 'en' (got '2025-13-45')"),
    ("locale: 2025-01-01", "locale: must be 'es' or 'en' (got '2025-01-01')"),
    # what does not mean what it says
    ("locale: es\nlocale: en", "line 2, column 1: not valid YAML: key 'locale' is repeated"),
    ("reports: {predictions: 1, predictions: 2}", "key 'predictions' is repeated"),
    ("on: 3", "key on is not text; put it in quotes"),
    ("? [a]\n: 3", "is not text"),
    (
        "anomalies: &these {window_days: 3}\nreports: *these",
        "line 2, column 10: not valid YAML: *these: aliases are not",
    ),
    ("anomalies: &these {window_days: 3}\nreports:\n  <<: *these", "*these: aliases are not read"),
    ("reports: &them {score_changes: [*them]}", "*them: aliases are not read"),
    ("anomalies: {silent_deliveries: 1:30}", "1:30 is not a plain number; write it in decimals"),
    ("anomalies: {silent_deliveries: 010}", "010 is not a plain number"),
    ("anomalies: {silent_deliveries: 0x10}", "0x10 is not a plain number"),
    ("anomalies: {silent_deliveries: 1_0}", "1_0 is not a plain number"),
    # typos
    ("reprots: {predictions: 3}", "reprots: no such key; allowed here: alerts, anomalies, behavior_predictions,"),
    ("reprots: {predictions: 3}", "did you mean reports?"),
    (
        "dynamic_scores: {completion_pionts: 3}",
        "dynamic_scores.completion_pionts: no such key; allowed here: analysed_",
    ),
    (
        "content_recommendations: {document_items: {premium: {titel: x}}}",
        "document_items.premium.titel: no such key; allowed here: content",
    ),
    (
        "segments: {mine: {criterium: x}}",
        "segments.mine.criterium: no such key; allowed here: criterion, description; did you mean criterion? (and 2",
    ),
    ("segments: {at_risc: null}", "segments.at_risc: is null, but there is nothing of that name to remove"),
    ("dynamic_scores: {completion_pionts: null}", "dynamic_scores.completion_pionts: no such key"),
    # wrong types
    ("dynamic_scores: 3", "dynamic_scores: must be a mapping of analysed_active_days,"),
    ("dynamic_scores: []", "dynamic_scores: must be a mapping of"),
    ("segments: [at_risk]", "segments: must be a mapping (got ['at_risk'])"),
    (f"segments: [{', '.join(['at_risk'] * 50)}]", "'at_risk', 'at_risk', 'at_...)"),
    ("dynamic_scores: {completion_points: lots}", "dynamic_scores.completion_points: must be a number (got 'lots')"),
    ("dynamic_scores: {completion_points: '3'}", "dynamic_scores.completion_points: must be a number (got '3')"),
    ("dynamic_scores: {completion_points: true}", "dynamic_scores.completion_points: must be a number (got True)"),
    ("dynamic_scores: {completion_points: [3]}", "dynamic_scores.completion_points: must be a number (got [3])"),
    (
        "dynamic_scores: {completion_points: .nan}",
        "dynamic_scores.completion_points: must be a finite number (got nan)",
    ),
    (
        "dynamic_scores: {completion_points: .inf}",
        "dynamic_scores.completion_points: must be a finite number (got inf)",
    ),
    ("dynamic_scores: {completion_points: 2 points}", "must be a number (got '2 points')"),
    ("reports: {predictions: 3.5}", "reports.predictions: must be a whole number (got 3.5)"),
    ("reports: {predictions: yes}", "reports.predictions: must be a whole number (got True)"),
    ("locale: no", "locale: must be 'es' or 'en' (got False)"),
    ("locale: 1\nreports: {predictions: 0}", "locale: must be 'es' or 'en' (got 1) (and 1 more)"),
    ("platforms: {other_social: [x, 3]}", "platforms.other_social.1: must be a string (got 3)"),
    # what must be there
    ("locale: null", "locale: is needed and must not be null"),
    ("dynamic_scores:", "dynamic_scores: is needed and must not be null"),
    ("dynamic_scores: {completion_points: null}", "dynamic_scores.completion_points: is needed and must not be null"),
    ("content_recommendations: {document_items: {premium: null}}", "items.premium is needed and must not be null"),
    ("content_recommendations: {document_items: {premium: {title: ' '}}}", "items.premium.title: must say something"),
    ("segments: {mine: {description: '', criterion: age_days > 3}}", "segments.mine.description: must say something"),
    ("segments: {mine: {description: {en: x}, criterion: age_days > 3}}", "must be a text, or one for each of es, en"),
    ("segments: {mine: {description: {es: '', en: x}, criterion: age_days > 3}}", "description: must say something"),
    ("locale: [en]", "locale: must be 'es' or 'en'"),
    # wrong units, impossible thresholds
    ("dynamic_scores: {completion_points: -1}", "must be greater than or equal to 0 (got -1)"),
    ("dynamic_scores: {maximum_score: 200}", "maximum_score: must be less than or equal to 100 (got 200)"),
    ("dynamic_scores: {minimum_change: 101}", "minimum_change: must be less than or equal to 100 (got 101)"),
    ("dynamic_scores: {lookback_days: 0}", "lookback_days: must be greater than or equal to 1 (got 0)"),
    ("dynamic_scores: {fast_response_hours: 0}", "fast_response_hours: must be greater than 0 (got 0)"),
    (
        "behavior_predictions: {business_hours_share: 60}",
        "business_hours_share: must be less than or equal to 1 (got 60)",
    ),
    (
        "content_recommendations: {high_engagement_score: 101}",
        "high_engagement_score: must be less than or equal to 100",
    ),
    ("content_recommendations: {maximum_items: 8}", "maximum_items: must be less than or equal to 7 (got 8)"),
    ("anomalies: {fraud_percent: 101}", "anomalies.fraud_percent: must be less than or equal to 100 (got 101)"),
    ("anomalies: {significance: 5}", "anomalies.significance: must be less than 1 (got 5)"),
    ("social_performance: {confidence: 95}", "social_performance.confidence: must be less than 1 (got 95)"),
    ("features: {first_business_hour: 24}", "first_business_hour: must be less than or equal to 23 (got 24)"),
    ("features: {last_weekday: 0}", "last_weekday: must be greater than or equal to 1 (got 0)"),
    ("ingestion: {late_arrival_days: 100000}", "late_arrival_days: must be less than or equal to 3650"),
    ("ingestion: {quarantine_error_rows: 10000000000000000000000}", "quarantine_error_rows: must be"),
    ("reports: {sample_leads: 0}", "sample_leads: must be greater than or equal to 1 (got 0)"),
    # words that could never be met
    ("vocabulary: {status: {Hot: engaged}}", "vocabulary.status.Hot: must be trimmed and in lower case (got 'Hot')"),
    (
        "vocabulary: {status: {hot: warm}}",
        "vocabulary.status.hot: must be 'new', 'nurturing', 'engaged', 'converted' or",
    ),
    ("vocabulary: {status: {engaged: new}}", "'engaged' is itself a status and cannot mean 'new'"),
    ("platforms: {other_social: [X.com]}", "platforms.other_social.0: must be trimmed and in lower case (got 'X.com')"),
    ("platforms: {other_social: [vk, vk]}", "platforms: 'vk' stands twice"),
    ("platforms: {names: {twitter: [fb]}}", "platforms: 'fb' stands twice"),
    ("platforms: {names: {tiktok: [tiktok]}}", "platforms: names and domains must list the same platforms"),
    (
        "platforms: {social_words: [social media]}",
        "platforms: each of social_words must be one word of letters and digits",
    ),
    ("platforms: {social_name: twitter}", "platforms: social_name must not be the platform 'twitter'"),
    (
        "content_recommendations: {document_items: {premium: {content_type: EBook}}}",
        "content_type: must be trimmed and in lower",
    ),
    ("content_recommendations: {document_items: {premiun: {title: x}}}", "premiun: must be 'interest_marketing',"),
    (f"segments: {{Mine: {SEGMENT}}}", "segments.Mine: a segment's name is made of lower-case letters, digits and _"),
    (f"segments: {{{'m' * 64}: {SEGMENT}}}", "a segment's name is made of"),
    # pairs that contradict each other
    ("dynamic_scores: {fast_response_hours: 24}", "fast_response_hours must be below response_hours"),
    ("dynamic_scores: {minimum_score: 100}", "minimum_score must be below maximum_score"),
    ("behavior_predictions: {fast_response_hours: 24}", "fast_response_hours must be below response_hours"),
    ("behavior_predictions: {recent_days: 7}", "recent_days must be below week_days"),
    ("behavior_predictions: {maximum_probability: 70}", "likely_above < maximum_probability must hold"),
    ("behavior_predictions: {nurturing_from: 71}", "nurturing_from <= likely_above"),
    ("behavior_predictions: {engagement_from: 50}", "engagement_from < nurturing_from"),
    ("features: {recent_days: 31}", "recent_days <= month_days <= history_days must hold"),
    ("features: {history_days: 29}", "recent_days <= month_days <= history_days must hold"),
    ("features: {first_business_hour: 18}", "first_business_hour must not be after last_business_hour"),
    ("features: {metrics_days: 32}", "features.metrics_days must be at least 33"),
    ("anomalies: {fraud_days: 89}", "features.metrics_days must be at least 91"),
    ("anomalies: {season_weeks: 5}\nfeatures: {metrics_days: 39}", "features.metrics_days must be at least 40"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my_policy.yaml"


def read(file: Path, text: str) -> Policy:
    """The policy with a user's file of that text."""
    file.write_text(text, encoding="utf-8")
    return read_policy(file)


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=[f"{n}-{text[:40]!r}" for n, (text, _) in enumerate(REFUSED)])
def test_refused_in_one_line_with_file_key_and_what_is_allowed(file: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as refusal:
        read(file, text)
    message = str(refusal.value)
    assert message.startswith(f"policy file {file}")
    assert words in message
    assert "\n" not in message
    assert refusal.value.exit_code == 2


def test_text_that_is_not_utf8(file: Path) -> None:
    file.write_bytes("locale: es # ñ".encode("latin-1"))
    with pytest.raises(InputError, match="cannot be read \\(it is not UTF-8 text\\); name a YAML file with --policy"):
        read_policy(file)


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing is changed\n", "---\n", "\ufeff# of an editor\n", "segments: {}\n"]
)
def test_a_file_that_changes_nothing(file: Path, text: str) -> None:
    assert read(file, text) == read_policy()


def test_a_file_changes_only_what_it_names(file: Path) -> None:
    ours = read(file, "dynamic_scores: {completion_points: 3}\nreports: {predictions: 5}")
    expected = read_policy().model_dump()
    expected["dynamic_scores"]["completion_points"] = 3.0
    expected["reports"]["predictions"] = 5
    assert ours.model_dump() == expected


def test_the_locale_chooses_the_texts_for_people(file: Path) -> None:
    """Every shipped text has both languages; a team's own may have one for all."""
    english = read(
        file,
        "locale: en\nsegments:\n  quick_responders: {description: Ours}\n"
        "  mine: {description: {es: Nuestro, en: Own}, criterion: age_days > 3}\n",
    )
    spanish = read_policy()
    assert spanish.segments["at_risk"].description == "Leads en riesgo de abandono"
    assert english.segments["at_risk"].description == "Leads at risk of leaving"
    assert english.segments["quick_responders"].description == "Ours"
    assert english.segments["mine"].description == "Own"
    assert read(file, f"segments: {{mine: {SEGMENT}}}").segments["mine"].description == "x"
    for rule, item in spanish.content_recommendations.document_items.items():
        other = english.content_recommendations.document_items[rule]
        assert (other.title != item.title, other.reason != item.reason) == (True, True)
        assert (other.content_type, other.content_id) == (item.content_type, item.content_id)


def test_the_whole_shipped_file_is_a_users_file_too() -> None:
    assert read_policy(SHIPPED) == read_policy()


def test_segments_are_added_replaced_and_removed(file: Path) -> None:
    ours = read(
        file,
        f"segments:\n  at_risk: null\n  mine: {SEGMENT}\n  content_consumers: {{criterion: completions_total >= 9}}\n",
    ).segments
    shipped = read_policy().segments
    assert list(ours) == [name for name in shipped if name != "at_risk"] + ["mine"]
    assert ours["mine"].criterion == "age_days > 3"
    assert ours["content_consumers"].criterion == "completions_total >= 9"
    assert ours["content_consumers"].description == shipped["content_consumers"].description
    assert ours["quick_responders"] == shipped["quick_responders"]


def test_all_segments_can_be_removed(file: Path) -> None:
    assert (
        read(file, "segments: {" + ", ".join(f"{name}: null" for name in read_policy().segments) + "}").segments == {}
    )


def test_lists_are_replaced(file: Path) -> None:
    ours = read(file, "platforms: {names: {twitter: [x]}, other_social: [vk]}").platforms
    assert ours.names["twitter"] == ["x"]
    assert ours.names["facebook"] == read_policy().platforms.names["facebook"]
    assert ours.other_social == ["vk"]


def test_a_network_of_the_list_can_be_given_a_name(file: Path) -> None:
    ours = read(file, "platforms: {names: {tiktok: [tiktok, tt]}, domains: {tiktok: [tiktok.com]}}").platforms
    assert ours.names["tiktok"] == ["tiktok", "tt"]
    assert "tiktok" in ours.other_social


def test_words_are_added_and_removed(file: Path) -> None:
    ours = read(file, "vocabulary: {status: {hot: null, cold: inactive}}").vocabulary.status
    assert "hot" not in ours
    assert ours["cold"] == "inactive"
    assert ours["won"] == "converted"


@pytest.mark.parametrize("number", ["3", "3.0", "3.", "+3", "0.3e+1", "3.0E+0"])
def test_numbers_may_be_written_in_decimals(file: Path, number: str) -> None:
    assert read(file, f"dynamic_scores: {{completion_points: {number}}}").dynamic_scores.completion_points == 3.0


def test_the_policy_cannot_be_changed_once_it_is_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_policy().dynamic_scores.completion_points = 3.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ({}, {"a": {"b": 1, "c": [1]}, "d": 2}),
        ({"d": 3}, {"a": {"b": 1, "c": [1]}, "d": 3}),
        ({"a": {"b": 2}}, {"a": {"b": 2, "c": [1]}, "d": 2}),
        ({"a": {"c": []}}, {"a": {"b": 1, "c": []}, "d": 2}),
        ({"a": None}, {"d": 2}),
        ({"a": 3}, {"a": 3, "d": 2}),
        ({"d": {"e": None}}, {"a": {"b": 1, "c": [1]}, "d": {"e": None}}),
        ({"e": None}, {"a": {"b": 1, "c": [1]}, "d": 2, "e": None}),
    ],
)
def test_merge(override: dict[str, Any], expected: dict[str, Any]) -> None:
    base = {"a": {"b": 1, "c": [1]}, "d": 2}
    assert merge(base, override) == expected
    assert base == {"a": {"b": 1, "c": [1]}, "d": 2}


def test_the_shipped_file_means_what_any_reader_of_yaml_reads_in_it() -> None:
    assert read_yaml(SHIPPED) == yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))


PIECES = st.sampled_from(
    [
        *[
            "locale",
            "reports",
            "segments",
            "{",
            "}",
            "[",
            "]",
            "'",
            "!!int",
            "!!map",
            "!!timestamp",
            "!",
            "&a",
            "*a",
            "?",
            "|",
            ">",
            "%YAML",
            "---",
            "...",
            "<<:",
            "#",
            "~",
        ],
        *["1:30", "0x1f"],
        *["1e999", "-.inf", ".nan", "\\uD800", "\\U00110000", "=", "2025-13-45", '"', "@"],
        *(": ", ":\n  ", ", ", "- ", "\n", "  ", "9" * 400, "\x00", "\ufeff", "\u2028"),
    ]
)


def refusal_of(file: Path) -> str | None:
    """The line with which a file is refused; None where it is read."""
    try:
        read_policy(file)
    except InputError as error:
        return str(error)
    return None


@given(st.lists(PIECES | st.text(max_size=4), max_size=25).map("".join))
def test_any_file_is_read_or_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    refusal = refusal_of(file)
    assert refusal is None or refusal.startswith(f"policy file {file}")
    assert refusal is None or (refusal == " ".join(refusal.split()) and len(refusal) < 2000)


# PyYAML follows YAML 1.1 and writes the text 1e3 without quotes; in YAML 1.2, and here, that is a number.
TEXT = st.text().filter(lambda text: not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+", text))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_what_yaml_writes_is_read_as_it_was(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]) -> None:
    file = tmp_path_factory.getbasetemp() / "written.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    assert read_yaml(file) == values
