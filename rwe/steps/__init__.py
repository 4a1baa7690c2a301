"""The verbs, one file each: the story of a study in order.

Each reads what the one before wrote and nothing else.
"""
