"""Magnetic torque enhanced by dipolar interactions: the figures of the paper, measured here."""

from sim_backends.reproductions.dipolar_crossings import figure_4, figure_12
from sim_backends.reproductions.dipolar_maps import figure_3, figure_5, figure_11
from sim_backends.reproductions.dipolar_path import figure_7
from sim_backends.reproductions.dipolar_relaxation import figure_2c, figure_6

TITLE = "Magnetic torque enhanced by tunable dipolar interactions"
PAPER = "Pellet-Mary, Huillery, Perdriat, Hétet (2021), with its supplement"
FIGURES = (figure_2c, figure_3, figure_4, figure_5, figure_6, figure_7, figure_11, figure_12)
