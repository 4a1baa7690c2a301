"""python -m rwe.schemas: write the schemas anew after a change of their classes."""

from rwe.schemas import write

write()
