"""Spin-cooling of the motion of a trapped diamond: the figures of the paper, measured here."""

from sim_backends.reproductions.spin_cooling_linear import (
    figure_1b,
    figure_2a,
    figure_2b,
    figure_2c,
    figure_4,
    figure_7,
    figure_8,
)
from sim_backends.reproductions.spin_cooling_strong import figure_3a, figure_3b, figure_6

TITLE = "Spin-cooling of the motion of a trapped diamond"
PAPER = "Delord, Huillery, Nicolas, Hétet (2020), with its supplement"
FIGURES = (
    figure_1b, figure_2a, figure_2b, figure_2c, figure_3a, figure_3b, figure_4, figure_6, figure_7,
    figure_8,
)  # fmt: skip
