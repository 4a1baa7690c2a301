"""The parts of the report, one file per subject: Results in, a page.Section out."""
