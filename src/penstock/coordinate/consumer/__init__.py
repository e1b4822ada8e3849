"""Consumer groups, beside the classic ones."""

# Both packages use each other's modules; this one has to begin with the other, whichever is asked for first.
import penstock.coordinate.groups as groups

__all__ = ["groups"]
