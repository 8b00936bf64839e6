"""Magnetic torque enhanced by dipolar interactions: the figures of the paper, measured here."""

TITLE = "Magnetic torque enhanced by tunable dipolar interactions"
PAPER = "Pellet-Mary, Huillery, Perdriat, Hétet (2021), with its supplement"
FIGURES = ()
