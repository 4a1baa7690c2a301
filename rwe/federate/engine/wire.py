"""What a task and its reply are called, at the server and at a site alike; light, since each job reads it."""

TASK, REQUEST, ANSWER, CODE = "answer", "request", "answer", "code"
STUDY = "RWE_FEDERATE_STUDY"
"""Set by `rwe federate serve` alone: the folder whose store answers."""
