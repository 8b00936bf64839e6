"""The rate at which a counter really sampled, beside what it was asked for."""

from labctl.data import Column, Run

SAMPLE_RATE = Column("sample_rate_hz", "Hz", "Sample rate that the counter kept")


def sample_rate_of(run: Run) -> float:
    """The rate of a run's records; in files from before it was recorded, the parameter."""
    if SAMPLE_RATE.name in run.columns:
        return float(run[SAMPLE_RATE.name][0])
    return float(run.parameters[SAMPLE_RATE.name])
