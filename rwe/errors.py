"""Every error a user can cause, with its exit code and what to do next.

    RweError
    ├── UsageError       2   the command: a folder that is not there, a step before its input
    ├── StudyError      10   study.toml or a code list
    ├── MappingError    11   a ViewDefinition, or SQL of ours that does not fit one
    ├── SiteError       12   sites.toml, a folder of files, a FHIR server
    ├── DataError       13   landed data or the store
    └── RefusedError    14   a federated request, approval or answer that must not be served

Exit 3 (partial) is no error: a step returns what is missing and the command ends with 3.
Anything else that is raised is a bug and exits 1.

A message names what is at fault, never a patient, an identifier or a measured value: logs leave a
hospital more easily than data do.
"""


class RweError(Exception):
    """What is wrong in one line, and a hint that says what to do."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(RweError):
    exit_code = 2


class StudyError(RweError):
    exit_code = 10


class MappingError(RweError):
    exit_code = 11


class SiteError(RweError):
    exit_code = 12


class DataError(RweError):
    exit_code = 13


class RefusedError(RweError):
    """code: why, in one word; alone of all that is said here it may be written down or leave a site."""

    exit_code = 14

    def __init__(self, message: str, *, code: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
