"""Classifies where a lead came from by its source, utm fields, referrer and click ids, with the rule that decided.

Leaves the lists to `lists`, the social platforms to `platforms`, and the reduction of a million leads to their distinct
combinations to `reduce` and `sql/lead_activity`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from acquisition_assets.channels.cleaning import (
    TYPO,
    Value,
    clean,
    is_local,
)
from acquisition_assets.channels.lists import (
    BETWEEN_WORDS,
    own_labels,
    read_click_ids,
    read_mediums,
    read_networks,
    split_words,
    squash,
)
from acquisition_assets.channels.platforms import Platforms
from acquisition_assets.channels.policy import CHANNEL_CLASSES, ChannelClass, ChannelPolicy, ChannelRule, PlatformPolicy
from acquisition_assets.channels.reduce import (
    CROSS_NETWORK,
    OWN,
    SHOPPING,
    WORDS_APART,
    click_id_pattern,
    split_combination,
)

ANSWERS = ("platform", "channel", "channel_class", "channel_detail", "channel_rule")
ORGANIC = "organic"
"""The source of a lead that has none, and the channel of what is unknown."""

# The lists in the order in which they are asked, and the class of what they have. Assistants come before search engines
# (gemini.google.com), as do mailboxes (mail.google.com) and networks (lists of engines have www.facebook.com).
CATEGORIES: tuple[tuple[str, ChannelClass], ...] = (
    ("ai_assistants", "ai_assistant"),
    ("ad_networks", "paid_other"),
    ("affiliates", "affiliate"),
    ("mailboxes", "email"),
    ("social_networks", "organic_social"),
    ("search_engines", "organic_search"),
    ("shopping", "shopping"),
    ("video", "video"),
    ("referral_sites", "referral"),
)
RULES_BY_NAME = {"paid_other": "ad_network", "email": "mailbox", "organic_social": "social_network"} | {
    "organic_search": "search_engine"
}
"""What the rule is called that a name or host of a class decides."""
SELLERS = frozenset(("ai_assistant", "organic_social", "organic_search", "shopping", "video"))
"""Classes of networks that sell ads on pages of their own."""
PAID_KINDS = ("paid_social", "paid_search", "click", "paid")
CLICK = re.compile(r"^(?:cp[a-z]\d*|(?:cpc|ppc)\w*|\w*(?:cpc|cpv|ppc))$")
IMPRESSIONS = re.compile(r"^(?:cpm\d*|\w*cpm)$")
MAIL_LABEL = re.compile(
    r"^(?:[\w-]*mail[\w-]*|newsletters?|owa|outlook|exchange|roundcube|horde|zimbra|messagerie[\w-]*)$"
)
MAIL_LABEL_ABROAD = re.compile(r"^(?:poczta|posta|courriel|correo[\w-]*|inbox)$")
MAIL_PATH = re.compile(r"(?:^|/)(?:mail|webmail|owa|roundcube|squirrelmail|horde|zimbra)(?:/|$)")
MAIL_REDIRECT = "deref-"
AD_LABEL = re.compile(r"^(?:ads?|adserver\d*|adclick|pagead\d*|adfarm)$")
SEARCH_LABEL = re.compile(
    r"^(?:[a-z]*search(?:assist)?|suche|recherche|buscar|buscador|busca|ricerca|szukaj|zoeken|haku)$"
)
NO_SEARCH_LABEL = re.compile(r"^(?:re|job)search$")
PRODUCTS_THAT_SEARCH = frozenset(("google", "yahoo", "yandex", "bing"))
NOTHING = Value()
ANY_SITE = "site.invalid"
"""Is classified for all sites that no list knows; the top-level domain is reserved."""
NEGATIONS = frozenset(("non", "not", "no", "un", "sin"))
DIRECT = frozenset(("direct", "directtraffic", "typein"))
DIRECT_MEDIUM = "(none)"
# Labels of letters, digits, - and _ with single dots between them.
HOST_NAME = re.compile(r"[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True)
class Hit:
    """A network that a field names: its class without payment, its name, and the field."""

    channel_class: str
    network: str
    field: str


@dataclass(frozen=True)
class Medium:
    """What utm_medium says: the kinds of its words, and whether a letter had to be corrected."""

    kinds: frozenset[str]
    is_typo: bool = False


@dataclass(frozen=True)
class Channel:
    """Where a lead came from.

    platform: the social platform, `social`, or None. channel: the key by which leads are compared. channel_detail: the
    engine, network or site. channel_rule: the rule that decided and the field it read. repairs: what had to be repaired
    in the utm fields, in order.
    """

    platform: str | None
    channel: str
    channel_class: str
    channel_detail: str | None
    channel_rule: str
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Touch:
    """The cleaned fields of one combination."""

    source: Value
    utm_source: Value
    utm_medium: Value
    referrer: Value
    medium: Medium
    campaign_kind: str
    campaign_words: frozenset[str]
    click_ids: tuple[str, ...]
    hits: tuple[Hit, ...]


class Classifier:
    """Classifies combinations of the reduced fields; the same values always give the same answer.

    Args:
        policy: the policy's channels.
        platforms: the policy's platforms.
    """

    def __init__(self, policy: ChannelPolicy, platforms: PlatformPolicy) -> None:
        self._policy = policy
        self._lists = [(read_networks(name), channel_class) for name, channel_class in CATEGORIES]
        self._social = Platforms(platforms)
        self._click_ids = read_click_ids()
        self._click_pattern = re.compile(click_id_pattern(self._click_ids))
        self._has_host_rules = any(rule.referrer_host for rule in policy.rules)
        self._of_sites: dict[tuple[str | None, ...], Channel] = {}
        self._own_found: dict[str, bool] = {}
        self._own = frozenset(policy.own_hosts)
        self._mediums = _MediumWords(policy.typo_letters)
        self._class_names = {squash(name): name for name in CHANNEL_CLASSES}
        # Fields repeat from combination to combination, so each distinct value is looked up once.
        self._found: dict[tuple[Value, str], Hit | None] = {}
        self._values: dict[str | None, Value] = {}
        self._referrers: dict[tuple[str | None, str | None, bool], Value] = {}

    def classify(
        self,
        *,
        source: str | None = None,
        utm_source: str | None = None,
        utm_medium: str | None = None,
        campaign_kind: str | None = None,
        campaign_words: str | None = None,
        referrer_host: str | None = None,
        referrer_path: str | None = None,
        referrer_kind: str | None = None,
        click_id_names: str | None = None,
    ) -> Channel:
        """Return the channel of one combination of the reduced fields (`FIELDS`)."""
        touch = self._touch(
            self._value(source),
            self._value(utm_source),
            self._value(utm_medium),
            self._referrer(referrer_host, referrer_path, is_own=referrer_kind == OWN),
            campaign_kind or "",
            frozenset((campaign_words or "").split(WORDS_APART)) - {""},
            tuple((click_id_names or "").split()),
        )
        channel_class, detail, rule = self._decide(touch, is_direct=_says_direct(touch, utm_medium))
        platform = self._social.platform(source, utm_source, utm_medium, referrer_host)
        repairs = touch.source.repairs | touch.utm_source.repairs | touch.utm_medium.repairs
        if touch.medium.is_typo:
            repairs |= {TYPO}
        by_class = ORGANIC if channel_class == "unknown" else channel_class
        return Channel(
            platform=platform,
            channel=platform or self._given_source(source) or by_class,
            channel_class=channel_class,
            channel_detail=detail,
            channel_rule=rule,
            repairs=tuple(sorted(repairs)),
        )

    def classify_alike(self, fields: Mapping[str, str | None]) -> Channel:
        """Return the same as `classify`, but decide only once for all sites that no list knows.

        Args:
            fields: the reduced fields (`FIELDS`).
        """
        host = (fields["referrer_host"] or "").strip().lower()
        if not self._is_unknown_site(host, fields["referrer_path"]):
            return self.classify(**fields)
        others = {**fields, "referrer_host": ANY_SITE}
        key = tuple(others.values())
        if key not in self._of_sites:
            self._of_sites[key] = self.classify(**others)
        found = self._of_sites[key]
        return replace(found, channel_detail=host) if found.channel_detail == ANY_SITE else found

    def _is_unknown_site(self, host: str, path: str | None) -> bool:
        """Return whether a host is like any other that no list and no rule of the policy knows."""
        if not HOST_NAME.fullmatch(host) or self._has_host_rules or self._is_own(host):
            return False
        return self._hit(self._referrer(host, path, is_own=False), "referrer") is None

    # ---- reading the fields ------------------------------------------------------------------------------------------

    def _value(self, raw: str | None) -> Value:
        if raw not in self._values:
            self._values[raw] = clean(raw)
        return self._values[raw]

    def _referrer(self, host: str | None, path: str | None, *, is_own: bool) -> Value:
        """Return a referrer; the team's own site says nothing, unless it is on a network (a lead form there)."""
        key = (host, path, is_own)
        if key not in self._referrers:
            referrer = _referrer(host, path)
            name = referrer.host
            is_network = self._social.named(name, has_words=False) is not None or self._social.is_other(name)
            self._referrers[key] = NOTHING if is_own and not is_network else referrer
        return self._referrers[key]

    def _touch(
        self,
        source: Value,
        utm_source: Value,
        utm_medium: Value,
        referrer: Value,
        campaign_kind: str,
        campaign_words: frozenset[str],
        click_ids: tuple[str, ...],
    ) -> _Touch:
        if source.squashed == ORGANIC:
            source = NOTHING
        fields = {"utm_source": utm_source, "source": source, "referrer": referrer}
        shown = {name: NOTHING if self._is_own(field.host) else field for name, field in fields.items()}
        hits = tuple(hit for name, field in shown.items() if (hit := self._hit(field, name)) is not None)
        junk = "&".join(field.junk for field in (source, utm_source, utm_medium) if field.junk)
        given = [*click_ids, *(self._click_pattern.findall(junk) if junk else ())]
        found = {name.lower() for name in given}
        return _Touch(
            source=shown["source"],
            utm_source=shown["utm_source"],
            utm_medium=utm_medium,
            referrer=shown["referrer"],
            medium=self._mediums.read(utm_medium.text),
            campaign_kind=campaign_kind,
            campaign_words=campaign_words,
            click_ids=tuple(name for name in self._click_ids if name in found),
            hits=hits,
        )

    def _is_own(self, host: str) -> bool:
        if not host:
            return False
        if host not in self._own_found:
            labels = host.split(".")
            parents = (".".join(labels[first:]) for first in range(len(labels)))
            self._own_found[host] = is_local(host) or not self._own.isdisjoint(parents)
        return self._own_found[host]

    def _hit(self, field: Value, name: str) -> Hit | None:
        key = (field, name)
        if key not in self._found:
            self._found[key] = self._look_up(field, name) if field.text or field.host else None
        return self._found[key]

    def _look_up(self, field: Value, name: str) -> Hit | None:
        if field.host:
            return self._host_hit(field, name)
        return self._name_hit(field, name)

    def _host_hit(self, field: Value, name: str) -> Hit | None:
        labels = own_labels(field.host)
        registered = ".".join(field.host.split(".")[len(labels) :])
        for networks, channel_class in self._lists:
            network = (
                self._social.named(field.host or field.text, has_words=False)
                if channel_class == "organic_social"
                else None
            )
            network = network or networks.by_host(field.host, field.path)
            if network is None and channel_class == "paid_other" and any(map(AD_LABEL.match, labels[:1])):
                network = registered
            if network is None and channel_class == "email":
                is_mail = any(MAIL_LABEL.match(label) or MAIL_LABEL_ABROAD.match(label) for label in labels)
                if is_mail or registered.startswith(MAIL_REDIRECT) or MAIL_PATH.search(field.path):
                    network = registered
            if (
                network is None
                and channel_class == "organic_social"
                and self._social.is_other(field.host or field.text)
            ):
                network = registered
            if network is None and channel_class == "organic_search" and _is_search_label(labels):
                network = registered
            if network is not None:
                return Hit(channel_class, network, name)
        return None

    def _name_hit(self, field: Value, name: str) -> Hit | None:
        squashed = field.squashed
        for networks, channel_class in self._lists:
            whole = (
                self._social.named(field.host or field.text, has_words=False)
                if channel_class == "organic_social"
                else None
            )
            whole = whole or networks.by_whole_name(squashed)
            if whole is not None:
                return Hit(channel_class, whole, name)
        for networks, channel_class in self._lists:
            network = self._social.named(field.text, has_words=True) if channel_class == "organic_social" else None
            network = network or networks.by_name(field.text)
            if (
                network is None
                and channel_class == "organic_social"
                and self._social.is_other(field.host or field.text)
            ):
                network = field.text
            if network is not None:
                return Hit(channel_class, network, name)
        return None

    def _platform(self, channel_class: str, text: str, *, has_words: bool = False) -> str | None:
        """Return the platform of the policy that a text names; only among social networks."""
        return self._social.named(text, has_words=has_words) if channel_class == "organic_social" else None

    def _is_other_network(self, channel_class: str, text: str) -> bool:
        """Return whether a text names a network of the policy without a platform; only among social networks."""
        return channel_class == "organic_social" and self._social.is_other(text)

    def _given_source(self, source: str | None) -> str | None:
        """Return the source that the source system gives (as a class where it is that word); None for organic."""
        text = (source or "").strip().lower()
        squashed = squash(text)
        return None if not text or squashed == ORGANIC else self._class_names.get(squashed, text)

    # ---- deciding ----------------------------------------------------------------------------------------------------

    def _decide(self, touch: _Touch, *, is_direct: bool) -> tuple[str, str | None, str]:
        """Return class, detail and rule: those of the first rule that holds."""
        for rule in (
            self._own_rule,
            self._paid,
            self._paid_click,
            self._by_medium,
            self._by_name,
            self._by_campaign_or_free_click,
            self._by_weak_medium,
        ):
            answer = rule(touch)
            if answer is not None:
                return answer
        if "." in touch.referrer.host:
            return "referral", touch.referrer.host, "other_site.referrer"
        for name, field in (("utm_source", touch.utm_source), ("source", touch.source)):
            if field.host:
                return "referral", field.host, f"other_site.{name}"
        if is_direct:
            return "direct", None, "direct"
        for name, field in (
            ("utm_source", touch.utm_source),
            ("source", touch.source),
            ("utm_medium", touch.utm_medium),
        ):
            if field.text:
                return "unknown", field.text, f"unknown_word.{name}"
        return "unknown", None, "nothing_known"

    def _own_rule(self, touch: _Touch) -> tuple[str, str | None, str] | None:
        for rule in self._policy.rules:
            if _rule_holds(rule, touch):
                return rule.channel_class, rule.detail or _first_detail(touch), f"policy.{rule.name}"
        return None

    def _paid(self, touch: _Touch) -> tuple[str, str | None, str] | None:
        """Rule 1: a cross-network campaign, a paid medium, or a source that is an ad product."""
        if touch.campaign_kind == CROSS_NETWORK:
            return "paid_other", _first_detail(touch), "cross_network.utm_campaign"
        kinds = touch.medium.kinds
        if kinds & frozenset(PAID_KINDS):
            return (*self._paid_class(touch, kinds), "paid_medium.utm_medium")
        for name, field in (("utm_source", touch.utm_source), ("source", touch.source)):
            if field.host or not field.text:
                continue
            said = self._mediums.read_whole(field.squashed)
            if said in PAID_KINDS:
                return (*self._paid_class(touch, frozenset((said,))), f"paid_word.{name}")
            if self._is_ad_product(field):
                return (*self._paid_class(touch, frozenset()), f"paid_source.{name}")
        return None

    def _is_ad_product(self, field: Value) -> bool:
        """Return whether a source ends in ads: fb-ads, google_ads, fbad, AdWords, but neither threads nor downloads."""
        words = field.words
        if "ads" in words or "adwords" in words or words[-1:] == ("ad",):
            return True
        for ending in ("ads", "ad"):
            stem = field.squashed.removesuffix(ending)
            if stem and stem != field.squashed and self._name_hit(Value(stem), "") is not None:
                return self._name_hit(Value(field.squashed), "") is None or field.squashed.endswith("ads")
        return False

    def _paid_class(self, touch: _Touch, kinds: frozenset[str]) -> tuple[str, str | None]:
        network = next((hit for hit in self._with_ad_products(touch) if hit.channel_class in SELLERS), None)
        own_ids = [self._click_ids[name] for name in touch.click_ids]
        detail = network.network if network else _first_detail(touch)
        if "paid_social" in kinds:
            return "paid_social", detail
        if "paid_search" in kinds:
            return "paid_search", detail
        if network is None:
            if any(each.channel_class in ("organic_social", "paid_social") for each in own_ids):
                return "paid_social", detail or own_ids[0].network
            proves_search = any(each.channel_class == "paid_search" for each in own_ids)
            return ("paid_search" if proves_search and "click" in kinds else "paid_other"), detail
        if network.channel_class == "organic_social":
            return "paid_social", detail
        if network.channel_class == "organic_search":
            proved = any(each.channel_class == "paid_search" and _fits(each.fits, network) for each in own_ids)
            return ("paid_search" if "click" in kinds or (proved and not kinds) else "paid_other"), detail
        return "paid_other", detail

    def _with_ad_products(self, touch: _Touch) -> Iterator[Hit]:
        """Yield the networks named, and those whose ad products are named (fb-ads is Facebook)."""
        for name, field in (("utm_source", touch.utm_source), ("source", touch.source)):
            hit = next((each for each in touch.hits if each.field == name), None)
            if hit is not None and hit.channel_class in SELLERS:
                yield hit
            elif field.text and not field.host:
                words = [word for word in field.words if word not in ("ads", "ad", "paid", "lead")]
                rest = "".join(words).removesuffix("ads").removesuffix("ad")
                found = self._name_hit(Value(rest), name) if rest else None
                if found is not None:
                    yield found
        yield from (hit for hit in touch.hits if hit.field == "referrer")

    def _paid_click(self, touch: _Touch) -> tuple[str, str | None, str] | None:
        """Rule 2: a click id that fits the network, or comes with nothing else known."""
        first = next((hit for hit in touch.hits if hit.channel_class != "referral"), None)
        for name in touch.click_ids:
            click = self._click_ids[name]
            if not click.channel_class.startswith("paid"):
                continue
            rule = f"click_id.{name}"
            if click.fits_all():
                return click.channel_class, click.network, rule
            if first is not None:
                if not _fits(click.fits, first):
                    continue
                is_search = first.channel_class == "organic_search" and click.channel_class == "paid_search"
                is_social = first.channel_class == "organic_social"
                paid = "paid_search" if is_search else "paid_social" if is_social else "paid_other"
                return paid, first.network, rule
            if touch.medium.kinds or self._by_medium(touch) or self._by_name(touch):
                continue
            # On a page that nobody knows, an ad of a search engine is one of its display network.
            is_display = bool(touch.referrer.host) and click.channel_class == "paid_search"
            return ("paid_other" if is_display else click.channel_class), click.network, rule
        return None

    def _by_medium(self, touch: _Touch) -> tuple[str, str | None, str] | None:
        """Rules 3 and 4: e-mail, affiliates, audio, text messages, push messages and social media by their words."""
        kinds = touch.medium.kinds
        words = {
            name: self._mediums.read_whole(field.squashed) if not field.host else ""
            for name, field in (("utm_source", touch.utm_source), ("source", touch.source))
        }
        for kind, channel_class in (
            ("email", "email"),
            ("affiliate", "affiliate"),
            ("audio", "referral"),
            ("sms", "sms"),
            ("push", "push"),
        ):
            if kind in kinds:
                return channel_class, "audio" if kind == "audio" else _first_detail(touch), f"{kind}.utm_medium"
            for name, said in words.items():
                if said == kind:
                    field = touch.utm_source if name == "utm_source" else touch.source
                    return channel_class, field.text, f"{kind}.{name}"
            if kind == "email":
                for name, field in (("utm_source", touch.utm_source), ("source", touch.source)):
                    sender = None if field.host else read_networks("mailboxes").by_name(field.text)
                    if field.text and not field.host and (sender or "email" in self._mediums.read(field.text).kinds):
                        return "email", sender or field.text, f"email.{name}"
        if "social" in kinds:
            return "organic_social", _first_detail(touch), "social.utm_medium"
        return None

    def _by_name(self, touch: _Touch) -> tuple[str, str | None, str] | None:
        """Rule 5: names and hosts of utm_source, source and referrer, in this order."""
        for hit in touch.hits:
            if hit.channel_class != "referral":
                return hit.channel_class, hit.network, f"{_rule_of(hit.channel_class)}.{hit.field}"
        for name, field in (("utm_source", touch.utm_source), ("source", touch.source)):
            if not field.host and self._social.has_social_word(field.text):
                return "organic_social", field.text, f"social.{name}"
        medium = touch.utm_medium
        named = self._hit(medium, "utm_medium") if medium.text and not touch.medium.kinds else None
        if named is not None:
            return named.channel_class, named.network, f"{_rule_of(named.channel_class)}.utm_medium"
        return None

    def _by_campaign_or_free_click(self, touch: _Touch) -> tuple[str, str | None, str] | None:
        if touch.campaign_kind == SHOPPING:
            return "shopping", _first_detail(touch), "shopping.utm_campaign"
        for name in touch.click_ids:
            click = self._click_ids[name]
            if not click.channel_class.startswith("paid") and not touch.medium.kinds:
                return click.channel_class, click.network, f"click_id.{name}"
        return None

    def _by_weak_medium(self, touch: _Touch) -> tuple[str, str | None, str] | None:
        """Rule 6, and the media that count only where no name is known."""
        for kind, channel_class in (
            ("ai", "ai_assistant"),
            ("shopping", "shopping"),
            ("video", "video"),
            ("organic", "organic_search"),
            ("referral", "referral"),
            ("mobile", "push"),
        ):
            if kind in touch.medium.kinds:
                return channel_class, _first_detail(touch) or touch.referrer.host or None, f"{kind}.utm_medium"
            for name, field in (("utm_source", touch.utm_source), ("source", touch.source)):
                if not field.host and self._mediums.read_whole(field.squashed) == kind:
                    return channel_class, field.text, f"{kind}.{name}"
        for hit in touch.hits:
            return hit.channel_class, hit.network, f"other_site.{hit.field}"
        return None


class _MediumWords:
    """Reads the kinds of the words of a medium."""

    def __init__(self, typo_letters: int) -> None:
        self._typo_letters = typo_letters
        self._exact: dict[str, str] = {}
        self._words: dict[str, str] = {}
        self._parts: list[tuple[str, str, Callable[[str, str], bool]]] = []
        tests: dict[str, Callable[[str, str], bool]] = {
            "start": str.startswith,
            "end": str.endswith,
            "contains": str.__contains__,
        }
        for word, kind, match in read_mediums():
            if match in tests:
                self._parts.append((word, kind, tests[match]))
            else:
                self._exact[word] = kind
                if match == "word":
                    self._words[word] = kind
        self._correct = [(word, kind) for word, kind, _ in read_mediums() if len(word) >= typo_letters]
        self._read: dict[str, Medium] = {}

    def read(self, text: str) -> Medium:
        """Return what a cleaned utm_medium says."""
        if text not in self._read:
            self._read[text] = self._kinds(text)
        return self._read[text]

    def read_whole(self, squashed: str) -> str:
        """Return the kind of a source that is nothing but a word of a medium, or an empty text."""
        if squashed in self._exact:
            return self._exact[squashed]
        return "click" if squashed in ("cpc", "cpa", "cpl", "cpv") else ""

    def _kinds(self, text: str) -> Medium:
        if not text:
            return Medium(frozenset())
        words = split_words(text)
        whole = squash(text)
        kinds = set(self._of_word(whole))
        if whole in self._exact:
            kinds.add(self._exact[whole])
        for place, word in enumerate(words):
            if place and words[place - 1] in NEGATIONS:
                continue
            kinds.update(self._of_word(word))
        if any(word in NEGATIONS for word in words) or whole.startswith(("nonpaid", "unpaid", "notpaid")):
            kinds -= set(PAID_KINDS) - self._without_negated(words)
        if kinds & {"paid", "click"}:
            if "social" in kinds:
                kinds.add("paid_social")
            elif "search" in words or "search" in whole:
                kinds.add("paid_search")
        if kinds:
            return Medium(frozenset(kinds))
        for correct, kind in self._correct:
            if any(_one_letter_apart(word, correct) for word in {whole, *words}):
                return Medium(frozenset((kind,)), is_typo=True)
        return Medium(frozenset())

    def _without_negated(self, words: list[str]) -> set[str]:
        kept = [word for place, word in enumerate(words) if not (place and words[place - 1] in NEGATIONS)]
        return {kind for word in kept for kind in self._of_word(word)}

    def _of_word(self, word: str) -> Iterator[str]:
        if IMPRESSIONS.match(word):
            yield "paid"
        elif CLICK.match(word):
            yield "click"
        if word in self._words:
            yield self._words[word]
        for part, kind, test in self._parts:
            if test(word, part):
                yield kind


def channel_table(combinations: pa.Table, policy: ChannelPolicy, platforms: PlatformPolicy) -> pa.Table:
    """Return the distinct combinations of the reduced fields with the columns of `ANSWERS`, and their repairs as text.

    Args:
        combinations: one row per combination, as the SQL joins the fields, in the column `combination`.
        policy: the policy's channels.
        platforms: the policy's platforms.
    """
    classifier = Classifier(policy, platforms)
    texts = combinations.column("combination").to_pylist()
    found = [classifier.classify_alike(split_combination(text)) for text in texts]
    answers = {name: pa.array([getattr(each, name) for each in found], pa.string()) for name in ANSWERS}
    repairs = pa.array([" ".join(each.repairs) for each in found], pa.string())
    return pa.table({"combination": pa.array(texts, pa.string()), **answers, "repairs": repairs})


def _referrer(host: str | None, path: str | None) -> Value:
    """Return a referrer's host and path; a word without a dot is a text."""
    name = (host or "").strip().lower()
    if HOST_NAME.fullmatch(name):
        return Value(name, name, path or "")
    return Value("" if "." in name or name == "$direct" else name)


def _says_direct(touch: _Touch, utm_medium: str | None) -> bool:
    words = {touch.utm_source.squashed, touch.source.squashed, touch.utm_medium.squashed}
    return bool(words & DIRECT) or (utm_medium or "").strip().lower() == DIRECT_MEDIUM


def _first_detail(touch: _Touch) -> str | None:
    """Return the network that the fields name first, else the source's word, or None."""
    for hit in touch.hits:
        return hit.network
    return touch.utm_source.text or touch.source.text or None


def _fits(fits: frozenset[str], hit: Hit) -> bool:
    network = squash(hit.network.lower())
    return any(name in network for name in fits)


def _rule_of(channel_class: str) -> str:
    return RULES_BY_NAME.get(channel_class, channel_class)


def _is_search_label(labels: list[str]) -> bool:
    return any(SEARCH_LABEL.match(label) and not NO_SEARCH_LABEL.match(label) for label in labels)


def _rule_holds(rule: ChannelRule, touch: _Touch) -> bool:
    fields = (
        (rule.source, touch.source.text),
        (rule.utm_source, touch.utm_source.text),
        (rule.utm_medium, touch.utm_medium.text),
        (rule.referrer_host, touch.referrer.host),
    )
    if any(wanted and not any(_is_like(text, pattern) for pattern in wanted) for wanted, text in fields):
        return False
    return not rule.utm_campaign_words or not touch.campaign_words.isdisjoint(rule.utm_campaign_words)


def _is_like(text: str, pattern: str) -> bool:
    """Return whether a text is a pattern in which `*` is any text; blanks, hyphens and underscores are alike."""
    parts = [re.escape(BETWEEN_WORDS.sub(" ", part)) for part in pattern.split("*")]
    return bool(text) and re.fullmatch(".*".join(parts), BETWEEN_WORDS.sub(" ", text)) is not None


def _one_letter_apart(text: str, word: str) -> bool:
    """Return whether one letter is wrong, missing, too many, or in the place of its neighbour."""
    if text == word or abs(len(text) - len(word)) > 1:
        return text == word
    start = 0
    while start < min(len(text), len(word)) and text[start] == word[start]:
        start += 1
    one, other = text[start:], word[start:]
    if len(one) == len(other):
        return one[1:] == other[1:] or (one[:2] == other[1::-1] and one[2:] == other[2:])
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return longer[1:] == shorter
