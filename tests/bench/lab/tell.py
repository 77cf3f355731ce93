"""How results are told: medians and percentiles, as tables of Markdown, after the machine and its load."""

import os
import platform
import statistics

from lab.site import REPOSITORY, output


def percentile(values, share):
    """The smallest value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def table(heading, rows):
    """Prints a table."""
    print("| " + " | ".join(heading) + " |")
    print("|" + "---|" * len(heading))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    print(flush=True)


def seconds(value):
    """A duration as a table shows it."""
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def median(values):
    """The median, as a table shows it."""
    return seconds(statistics.median(values))


def circumstances(program):
    """Prints what was measured on what, and how busy that was already."""
    commit = output("git", "-C", str(REPOSITORY), "describe", "--always", "--dirty")
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"booddies {commit}, {program} ({output(str(program), '--version')}); Linux {platform.release()}, "
          f"{os.cpu_count()} cores, load {load} at the beginning; {output('docker', 'version', '-f', 'docker {{.Server.Version}}')}, "
          f"Python {platform.python_version()}\n", flush=True)
