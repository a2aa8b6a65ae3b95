"""Types the part of the policy that says which names and domains belong to which network.

The classification itself is left to `platforms`.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import Field, model_validator

from acquisition_assets.core.policy import LowerText, Section


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
