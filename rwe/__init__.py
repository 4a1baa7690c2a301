"""From FHIR servers to a table of results.  The verbs are in rwe.cli, the story in rwe.steps."""

__version__ = "0.1.0"
