"""The merchant's profile: a TOML file, published as a versioned record, read by every part that decides."""

from streams.profile.faults import Fault, ProfileFaults, Unmapped
from streams.profile.model import AccountSettings, Disposition, Item, TaxCode
from streams.profile.profile import Profile
from streams.profile.shelf import Shelf, Skipped, version_of

__all__ = [
    "AccountSettings",
    "Disposition",
    "Fault",
    "Item",
    "Profile",
    "ProfileFaults",
    "Shelf",
    "Skipped",
    "TaxCode",
    "Unmapped",
    "version_of",
]
