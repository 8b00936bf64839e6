"""Spin-cooling of the motion of a trapped diamond: the figures of the paper, measured here."""

from sim_backends.reproductions.spin_cooling_bistable import figure_3a, figure_9
from sim_backends.reproductions.spin_cooling_calibration import (
    figure_7,
    figure_8,
    numbers_of_the_text,
)
from sim_backends.reproductions.spin_cooling_cooling import figure_2b, figure_2c, figure_4
from sim_backends.reproductions.spin_cooling_lasing import figure_3b, figure_6
from sim_backends.reproductions.spin_cooling_spectra import figure_1b, figure_2a

TITLE = "Spin-cooling of the motion of a trapped diamond"
PAPER = "Delord, Huillery, Nicolas, Hétet (2020), with its supplement"
FIGURES = (
    figure_1b, figure_2a, figure_2b, figure_2c, figure_3a, figure_3b, figure_4, figure_6, figure_7,
    figure_8, figure_9, numbers_of_the_text,
)  # fmt: skip
