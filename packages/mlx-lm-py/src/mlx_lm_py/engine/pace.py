"""How many drafts are worth their time."""

from __future__ import annotations

__all__ = ["Pace"]


def __dir__() -> list[str]:
    return __all__


# Rounds after which a comparison tells something, tokens that are generated without drafts to
# compare with, and how many there are at least and at most where drafts turned out not to pay.
TRIAL = 8
SAMPLE = 4
REST, LONGEST_REST = 32, 512
# By how much what was measured counts less with each further measurement.
DECAY = 0.9


class Pace:
    """Decides how many drafts to try, by how many were right and how long tokens took.

    Drafts grow in number while all of them are right. Where tokens take longer with drafts than
    without, there are none for a while, which doubles each time.

    Args:
        most: Most drafts at a time.

    Attributes:
        drafts: How many to try next.
        rest: How many tokens to generate without drafts first.

    Example:
        >>> pace = Pace(4)
        >>> pace.after_drafts(drafted=4, accepted=1, seconds=0.1)
        >>> pace.drafts, pace.rest
        (2, 0)
    """

    def __init__(self, most: int) -> None:
        self.drafts: int = most
        self.rest: int = 0
        self._most = most
        self._next_rest = REST
        self._rounds = 0
        self._alone = _Rate()
        self._drafted = _Rate()

    def after_drafts(self, drafted: int, accepted: int, seconds: float) -> None:
        """Learn from a round of drafts.

        Args:
            drafted: How many there were.
            accepted: How many of them were right; one token more was generated.
            seconds: How long that took.
        """
        # A few cost nearly as much as many: reading is slowest by the token where they are few.
        if accepted == drafted:
            self.drafts = min(2 * self.drafts, self._most)
        else:
            self.drafts = max(self.drafts // 2, accepted, 1)
        self._drafted.add(accepted + 1, seconds)
        self._rounds += 1
        if self._rounds < TRIAL:
            return
        if not self._alone.tokens:
            self.rest = SAMPLE
        elif self._drafted.seconds_each > self._alone.seconds_each:
            self.rest = self._next_rest
            self._next_rest = min(2 * self._next_rest, LONGEST_REST)
            # What was measured then is no measure of what comes after.
            self._drafted = _Rate()
            self._rounds = 0
        else:
            self._next_rest = REST

    def after_tokens(self, count: int, seconds: float) -> None:
        """Learn from tokens that were generated without drafts.

        Args:
            count: How many.
            seconds: How long that took.
        """
        self._alone.add(count, seconds)
        self.rest = max(0, self.rest - count)


class _Rate:
    def __init__(self) -> None:
        self.tokens: float = 0.0
        self.seconds: float = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        self.tokens = DECAY * self.tokens + tokens
        self.seconds = DECAY * self.seconds + seconds

    @property
    def seconds_each(self) -> float:
        return self.seconds / self.tokens
