"""One tree of errors. Each is a sentence for the person who can act on it."""

from collections.abc import Mapping


class CandorError(Exception):
    """Something a person can act on; `code` names the class of trouble for programs."""

    code = "error"
    http_status = 500


class SettingsError(CandorError):
    """Settings that must not be started with; `problems` maps each variable to its sentence."""

    code = "settings"

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        lines = "\n".join(f"  {name}: {sentence}" for name, sentence in self.problems.items())
        super().__init__(f"Candor cannot start with these settings:\n{lines}")


class Invalid(CandorError):
    """Input of the wrong shape; `problems` maps each field to its sentence. Nothing was stored."""

    code = "invalid"
    http_status = 422

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(self.problems.values()))


class Conflict(CandorError):
    """A rule of the service says no, and the sentence says what to do instead."""

    code = "conflict"
    http_status = 409


class StaleDraft(Conflict):
    """Somebody else said something since this draft was begun. Neither text is lost."""

    code = "stale_draft"


class ComponentsNotGreen(Conflict):
    """An incident is being resolved while components it touched are not operational."""

    code = "components_not_green"

    def __init__(self, names: list[str]) -> None:
        self.names = names
        super().__init__(
            f"Still not operational: {', '.join(names)}. Set them to operational, or say that they stay as they are."
        )


class NotFound(CandorError):
    """No such thing, or not one this person may see; the two are told apart nowhere."""

    code = "not_found"
    http_status = 404


class TooMany(CandorError):
    """A limit was reached; `retry_after` is in seconds."""

    code = "too_many"
    http_status = 429

    def __init__(self, sentence: str, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(sentence)
