"""Figures 3 and 6 of the spin-cooling paper."""

from labctl.paper import PaperFigure, ReproductionLab


def figure_3a(lab: ReproductionLab) -> PaperFigure:
    """x"""
    return PaperFigure("3a", "")


figure_3b = figure_6 = figure_3a
