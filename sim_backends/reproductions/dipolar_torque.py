"""Magnetic torque enhanced by dipolar interactions: the figures of the paper, measured here."""

from sim_backends.reproductions.dipolar_relaxation import figure_2c, figure_6
from sim_backends.reproductions.dipolar_scans import figure_3, figure_4, figure_7, figure_12

TITLE = "Magnetic torque enhanced by tunable dipolar interactions"
PAPER = "Pellet-Mary, Huillery, Perdriat, Hétet (2021), with its supplement"
FIGURES = (figure_2c, figure_3, figure_4, figure_6, figure_7, figure_12)
