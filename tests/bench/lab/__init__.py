"""What the benchmarks share: a site, machines on its bridge, and how results are told. Python's own library only."""
