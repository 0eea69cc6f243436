"""Why the live endpoint is not to serve a version."""

from include.aws.dataset import newer_date
from include.aws.registry import Registry, Version
from include.aws.storage import Storage
from include.config.names import Keys
from include.live.promotion import Objection


def objection_of_run(storage: Storage, registry: Registry, keys: Keys) -> Objection:
    """
    The live endpoint serves the approved model of the newest tweets. So a run of an older date leaves it alone, and of
    two runs the one with the newer date prevails.

    :param keys: of the run's date
    """

    def objection(version: Version, live_date: str) -> str | None:
        if version.approval != "Approved":
            return f"Version {version.number} is {version.approval} in the model registry, and not Approved."
        if newest := newer_date(storage, keys, storage.today()):
            return f"There are labelled tweets of a newer date ({newest}) than this run's ({keys.date})."
        if live_date > keys.date:
            return f"The live endpoint serves a model of newer tweets ({live_date}) than this run's ({keys.date})."
        champion = registry.champion()
        if champion is not None and (champion.date, champion.number) > (keys.date, version.number):
            return f"Version {champion.number} is approved, too, and newer (tweets of {champion.date})."
        return None

    return objection


def objection_of_person(version: Version, live_date: str) -> str | None:
    """A person may choose any version."""
    return None
