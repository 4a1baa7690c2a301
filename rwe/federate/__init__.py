"""The same comparison over many sites, by signed files: summaries leave a site, rows never do.

    coordinator   request ──▶  a signed Request
    site          show, approve, answer ──▶  a signed Answer, sealed to the coordinator
    coordinator   pool ──▶  estimates of all sites

What may leave is decided in rules.py; a statistic is one line of STATISTICS in statistics.py.
"""
