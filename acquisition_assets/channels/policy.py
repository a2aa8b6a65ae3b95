"""Types the policy sections `platforms` and `channels`: names of networks, own hosts, own rules, how words are read.

Leaves the lists of networks to `lists` and the rules that ship with the product to `classify`.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from acquisition_assets.core.policy import Count, LowerText, Percent, Section, Text

ChannelClass = Literal[
    "paid_search",
    "paid_social",
    "paid_other",
    "organic_search",
    "organic_social",
    "email",
    "sms",
    "push",
    "affiliate",
    "ai_assistant",
    "video",
    "shopping",
    "referral",
    "direct",
    "unknown",
]
CHANNEL_CLASSES: tuple[str, ...] = get_args(ChannelClass)


class PlatformPolicy(Section):
    """The names and domains that tell a lead's channel from its source, utm fields and referrer.

    What names and domains say wins over other_social, so a network can be given a name without taking it out there.
    """

    names: dict[LowerText, list[LowerText]]
    domains: dict[LowerText, list[LowerText]]
    other_social: list[LowerText]
    other_social_domains: list[LowerText]
    social_names_alone: list[LowerText]
    social_words: list[LowerText]
    shortest_word: Annotated[int, Field(ge=2, le=20)]
    social_name: LowerText

    @model_validator(mode="after")
    def _consistent(self) -> PlatformPolicy:
        if set(self.names) != set(self.domains):
            raise ValueError("names and domains must list the same platforms")
        if not all(word.isalnum() for word in self.social_words):
            raise ValueError("each of social_words must be one word of letters and digits")
        if self.social_name in self.names:
            raise ValueError(f"social_name must not be the platform {self.social_name!r}")
        named = [word for words in (*self.names.values(), *self.domains.values()) for word in words]
        for words in (named, [*self.other_social, *self.other_social_domains]):
            twice = [word for word, times in Counter(words).items() if times > 1]
            if twice:
                raise ValueError(f"{twice[0]!r} stands twice")
        return self


class ChannelRule(Section):
    """A rule of the team's own, which is asked before all others.

    It holds where every field it names has one of the listed values. `*` in a value of source, utm_source, utm_medium
    or referrer_host is any text; utm_campaign_words are looked for anywhere in utm_campaign.
    """

    name: Text
    channel_class: ChannelClass
    detail: Text | None = None
    source: list[LowerText] = Field(default_factory=list)
    utm_source: list[LowerText] = Field(default_factory=list)
    utm_medium: list[LowerText] = Field(default_factory=list)
    utm_campaign_words: list[LowerText] = Field(default_factory=list)
    referrer_host: list[LowerText] = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_a_field(self) -> ChannelRule:
        if not any((self.source, self.utm_source, self.utm_medium, self.utm_campaign_words, self.referrer_host)):
            raise ValueError("a rule must name at least one field")
        return self


class ChannelPolicy(Section):
    """How leads are classified by channel."""

    own_hosts: list[LowerText]
    rules: list[ChannelRule]
    typo_letters: Annotated[int, Field(ge=3, le=20)]
    campaign_shopping: Text
    campaign_cross_network: Text
    unknown_percent: Percent
    unknown_words: Count

    @model_validator(mode="after")
    def _consistent(self) -> ChannelPolicy:
        twice = [name for name, times in Counter(rule.name for rule in self.rules).items() if times > 1]
        if twice:
            raise ValueError(f"two rules are named {twice[0]!r}")
        unlike = [host for host in self.own_hosts if "/" in host or "." not in host]
        if unlike:
            raise ValueError(f"own_hosts: {unlike[0]!r} is no host such as example.com")
        return self
