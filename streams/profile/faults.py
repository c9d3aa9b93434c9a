"""What can be wrong with a profile: faults in its text, and codes it does not have when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streams.vocabulary import ErrorKind, Owner

NOT_A_SETTING = "is not a setting"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in the text of a profile, and how it is put right."""

    path: str
    message: str
    mend: str = ""

    @property
    def is_unknown_name(self) -> bool:
        """Whether nobody reads the name; in a published record it may be a newer program's, and is passed over."""
        return self.message == NOT_A_SETTING

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" + (f" ({self.mend})" if self.mend else "")


class ProfileFaults(ValueError):
    """The profile cannot be used; every fault is named."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class Unmapped(Exception):
    """The profile has no code for something; a default is never applied (R17)."""

    kind = ErrorKind.UNMAPPED

    def __init__(self, key: str, owner: Owner, sentence: str) -> None:
        super().__init__(sentence)
        self.key, self.owner, self.sentence = key, owner, sentence
