"""Spin-cooling of the motion of a trapped diamond: the figures of the paper, measured here."""

TITLE = "Spin-cooling of the motion of a trapped diamond"
PAPER = "Delord, Huillery, Nicolas, Hétet (2020), with its supplement"
FIGURES = ()
