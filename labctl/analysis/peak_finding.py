"""How many lines a spectrum has, and roughly where: greedy search with a significance test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray
from scipy.stats import chi2

from labctl.analysis.line_model import LineModel
from labctl.analysis.noise_correlation import Correlation

Floats = NDArray[np.float64]

SHAPE_TOLERANCE = 0.04
"""Part of a line's height by which real lines differ from any lineshape (speckle curvature,
hyperfine structure); structure smaller than that on top of a line is not another line."""

SHAPE_REACH = 6.0
"""Over how many half widths that tolerance extends: real lines differ in their wings as well."""

HIGHEST = 2.0
"""No line is higher than this, in units of the range of the data: two of opposite sign on top of
each other may cancel to any shape, and would pass for what two bumps side by side are."""

BENT_ORDER = 48
"""Highest degree of a baseline that wobbles."""

FALSE_ALARM = 0.02
"""Probability of any false line in a spectrum of pure noise."""


def find_lines(
    model: LineModel, y: Floats, error: Floats, *, max_lines: int, sign: int
) -> tuple[Floats, float]:
    """Lines that are significant, one after the other.

    Every step takes the line that lowers chi-square most once the present lines and baseline
    may readjust (matched filter on the orthogonal complement of the model's tangent space), or
    splits a line in two, whichever fits better. It stays if chi-square falls by more than pure
    noise would make it anywhere in the window, and by more than BIC asks for. Lines that lost
    their significance to later ones go.

    Args:
        model: lineshape, baseline and priors.
        y: signal, (n,), in units of order one.
        error: standard errors, (n,).
        max_lines: stop there.
        sign: +1 or -1 for lines of one sign, 0 for both.

    Returns:
        Parameters for `model`, and the factor by which the errors seem too small (>= 1).
    """
    atoms, places = _dictionary(model)
    threshold = line_threshold(model)
    parameters, _ = model.minimise(np.full(model.order + 1, 0.0), y, error)
    roughness = difference_scale(y, error)
    refused: list[tuple[float, float]] = []
    while True:
        scale = _noise_scale(model, parameters, y, error, roughness)
        effective = effective_error(model, parameters, error, scale)
        m = model.count(parameters)
        if m >= max_lines or parameters.size + model.per_line > y.size:
            break
        found = _best_atom(model, parameters, y, effective, atoms, places, sign, refused)
        if found is None or found[0] < threshold:
            break
        place = (found[1], found[2])
        before = chi_square(model, parameters, y, effective)
        trials = [_with_atom(model, parameters, found)]
        if m:
            trials.append(_with_split(model, parameters, found[1]))
        fits = [model.minimise(trial, y, scale * error)[0] for trial in trials]
        fits = [fit for fit in fits if sane(model, fit, y, sign)]
        # Beside lines not found yet, a free fit may run away to cover them.
        fits.append(only_heights(model, trials[0], y, scale * error))
        after = [chi_square(model, fit, y, effective) for fit in fits]
        if before - min(after) < threshold:
            refused.append(place)
            if len(refused) > 5:
                break
            continue
        parameters = fits[int(np.argmin(after))]
    return _prune(model, parameters, y, error, roughness, threshold)


def find_lines_over_any_baseline(
    model: LineModel, y: Floats, error: Floats, *, max_lines: int, sign: int
) -> tuple[tuple[LineModel, Floats, Correlation], tuple[LineModel, Floats]]:
    """Lines that stand out also where the noise is correlated or the baseline wobbles.

    The search of `find_lines` is made over the model's baseline, over one that bends as fast as it
    can without following a line, and where the rest is still correlated over the one that BIC
    chooses if there is no line at all. BIC chooses among them, so lines must explain more than
    further bends do. What is left tells how the noise of neighbours is correlated, and lines that
    such noise makes on its own go.

    Args:
        model: lineshape, plain baseline and priors.
        y: signal, (n,), in units of order one.
        error: standard errors, (n,).
        max_lines: stop there.
        sign: +1 or -1 for lines of one sign, 0 for both.

    Returns:
        The model with the baseline it needs, its parameters, and the correlation; and the model
        and parameters of the first search, over the plain baseline.
    """
    trials: list[tuple[float, LineModel, Floats]] = []
    for bends in (_plain_order, _bent_order, _order_without_lines):
        over = replace(model, order=bends(model, y, error))
        parameters, noise = find_lines(over, y, error, max_lines=max_lines, sign=sign)
        plain = over.order == model.order and noise < 1.1 and not over.count(parameters)
        over, parameters = choose_baseline(over, parameters, y, noise * error)
        trials.append((bic(over, parameters, y, error), over, parameters))
        _, best, parameters = min(trials, key=lambda trial: trial[0])
        rest = (y - best.evaluate(parameters)[1]) / error
        if plain or (len(trials) > 1 and not Correlation.of(rest).first):
            break
    first = trials[0][1:]
    _, model, parameters = min(trials, key=lambda trial: trial[0])
    roughness, threshold = difference_scale(y, error), line_threshold(model)
    while True:
        correlation = Correlation.of((y - model.evaluate(parameters)[1]) / error)
        m = model.count(parameters)
        inflation = correlation.inflation(np.exp(model.log_width[0]), model.x)
        if inflation == 1 or not m:
            return (model, parameters, correlation), first
        parameters, _ = _prune(model, parameters, y, error, roughness, inflation**2 * threshold)
        if model.count(parameters) == m:
            return (model, parameters, correlation), first


def _plain_order(model: LineModel, *_: Floats) -> int:
    return model.order


def _bent_order(model: LineModel, *_: Floats) -> int:
    """Degree of a polynomial whose mean half wave is one and a half of the widest lines."""
    return int(np.clip(_widest_in_window(model) / 1.5, model.order, BENT_ORDER // 2))


def _widest_in_window(model: LineModel) -> float:
    """How many of the widest lines fill the window side by side."""
    mean, sigma = model.log_width
    return float(np.ptp(model.x) / np.exp(mean + 2 * sigma))


def _order_without_lines(model: LineModel, y: Floats, error: Floats) -> int:
    """Degree of the polynomial that BIC chooses where all structure is the baseline's.

    Its mean half wave is at least 0.7 of the widest lines, or it would follow the lines.
    """
    span = float(np.max(np.abs(model.x)))
    most = min(_widest_in_window(model) / 0.7, y.size / 6, BENT_ORDER)
    highest = max(int(most), model.order)
    powers = legendre.legvander(model.x / span, highest) / error[:, None]
    orthogonal, _ = np.linalg.qr(powers)
    explained = np.cumsum((orthogonal.T @ (y / error)) ** 2)
    scale = max(1.0, difference_scale(y, error) ** 2)
    gain = explained / scale - np.log(y.size) * np.arange(1, highest + 2)
    return model.order + int(np.argmax(gain[model.order :]))


def bic(model: LineModel, parameters: Floats, y: Floats, error: Floats) -> float:
    """Bayesian information criterion of a fit, lower is better, up to a constant of the data."""
    effective = effective_error(model, parameters, error, 1.0)
    fit = chi_square(model, parameters, y, effective)
    # Scaled so that errors which are too small do not buy parameters.
    scale = max(1.0, difference_scale(y, error) ** 2)
    # What a high line leaves open of its shape must not make it cheap.
    width = 2 * float(np.sum(np.log(effective / error)))
    return fit / scale + width + np.log(y.size) * parameters.size


def _dictionary(model: LineModel) -> tuple[Floats, Floats]:
    """Lorentzians of a few widths at points and half points, and their (x, ln FWHM)."""
    x = model.x
    mean, sigma = model.log_width
    centres = np.sort(np.concatenate([x, (x[1:] + x[:-1]) / 2]))
    apart = np.exp(mean - sigma) / 8
    _, first = np.unique(np.floor((centres - x[0]) / apart), return_index=True)
    centres = centres[first]
    widths = mean + sigma * np.array([-1.0, 0.0, 1.0])
    places = np.array([(c, w) for w in widths for c in centres])
    half = np.exp(places[:, 1]) / 2
    return 1 / (1 + ((x[:, None] - places[:, 0]) / half) ** 2), places


def line_threshold(model: LineModel) -> float:
    """Fall of chi-square from which a further line is one: by chance anywhere, and by BIC."""
    span = float(np.ptp(model.x))
    # About two independent positions per width and line, times two for the choice of width.
    trials = max(4 * span / np.exp(model.log_width[0]), 10.0)
    return max(
        float(chi2.isf(1 - (1 - FALSE_ALARM) ** (1 / trials), df=1)), 2 * np.log(model.x.size)
    )


def difference_scale(y: Floats, error: Floats) -> float:
    """Noise in units of `error` from second differences, blind to smooth structure."""
    second = y[:-2] - 2 * y[1:-1] + y[2:]
    sigma = np.sqrt(error[:-2] ** 2 + 4 * error[1:-1] ** 2 + error[2:] ** 2)
    return 1.4826 * float(np.median(np.abs(second / sigma)))


def _noise_scale(
    model: LineModel, parameters: Floats, y: Floats, error: Floats, roughness: float
) -> float:
    _, total, _ = model.evaluate(parameters)
    inflated = effective_error(model, parameters, error, 1.0)
    mad = 1.4826 * float(np.median(np.abs((y - total) / inflated)))
    return max(1.0, min(mad, roughness))


def effective_error(model: LineModel, parameters: Floats, error: Floats, scale: float) -> Floats:
    """Errors with what the shape of the present lines leaves open, in their wings too."""
    lines, _ = model.split(parameters)
    reach = SHAPE_REACH * np.exp(lines[:, 1]) / 2
    wings = 1 / (1 + ((model.x[:, None] - lines[:, 0]) / reach) ** 2)
    height = np.hypot(lines[:, 2], model.parts(parameters))
    return np.hypot(scale * error, SHAPE_TOLERANCE * (wings @ height))


def chi_square(model: LineModel, parameters: Floats, y: Floats, error: Floats) -> float:
    """Sum of the squared residuals in units of `error`, priors included."""
    return float(np.sum(model.residual(parameters, y, error) ** 2))


def _best_atom(
    model: LineModel,
    parameters: Floats,
    y: Floats,
    error: Floats,
    atoms: Floats,
    places: Floats,
    sign: int,
    refused: list[tuple[float, float]],
) -> tuple[float, float, float, float] | None:
    """Drop of chi-square, centre, ln FWHM and amplitude of the best further line."""
    residual = -model.residual(parameters, y, error)
    orthogonal, _ = np.linalg.qr(model.jacobian(parameters, y, error))
    weighted = atoms / error[:, None]
    top = orthogonal[: y.size]
    rest = residual - orthogonal @ (orthogonal.T @ residual)
    norm = np.sum(weighted**2, axis=0)
    free = norm - np.sum((top.T @ weighted) ** 2, axis=0)
    overlap = weighted.T @ rest[: y.size]
    usable = free > 0.1 * norm
    if sign:
        usable &= np.sign(overlap) == sign
    for centre, _ in refused:
        usable &= np.abs(places[:, 0] - centre) > np.exp(model.log_width[0]) / 2
    if not np.any(usable):
        return None
    gain = np.where(usable, overlap**2 / np.where(usable, free, 1.0), 0.0)
    i = int(np.argmax(gain))
    return float(gain[i]), float(places[i, 0]), float(places[i, 1]), float(overlap[i] / free[i])


def _with_atom(
    model: LineModel, parameters: Floats, found: tuple[float, float, float, float]
) -> Floats:
    lines, baseline = model.split(parameters)
    new = np.zeros((1, model.per_line))
    new[0, :3] = found[1:]
    return model.join(np.concatenate([lines, new]), baseline)


def only_heights(model: LineModel, parameters: Floats, y: Floats, error: Floats) -> Floats:
    """Best heights and baseline with centres, widths and pulls as they are."""
    linear = np.ones(parameters.size, dtype=bool)
    linear[: model.count(parameters) * model.per_line] = False
    linear[2 : model.count(parameters) * model.per_line : model.per_line] = True
    design = model.evaluate(parameters)[2][:, linear]
    solved = parameters.copy()
    solved[linear] = np.linalg.lstsq(design / error[:, None], y / error, rcond=None)[0]
    return solved


def _with_split(model: LineModel, parameters: Floats, near: float) -> Floats:
    lines, baseline = model.split(parameters)
    i = int(np.argmin(np.abs(lines[:, 0] - near)))
    left, right = lines[i].copy(), lines[i].copy()
    fwhm = np.exp(lines[i, 1])
    for half, way in ((left, -1), (right, 1)):
        half[0] += way * 0.35 * fwhm
        half[1] -= np.log(1.4)
        half[2] *= 0.7
        half[3:] = 0
    return model.join(np.concatenate([np.delete(lines, i, axis=0), [left, right]]), baseline)


def sane(model: LineModel, parameters: Floats, y: Floats, sign: int) -> bool:
    """Every line stands in the window, has a possible width and height and an allowed sign.

    A dispersive line goes either way.
    """
    lines, _ = model.split(parameters)
    mean, sigma = model.log_width
    margin = np.exp(mean) / 2
    inside = (lines[:, 0] > model.x.min() - margin) & (lines[:, 0] < model.x.max() + margin)
    width = np.abs(lines[:, 1] - mean) < 4 * sigma
    right = np.sign(lines[:, 2]) == sign if sign else np.ones(len(lines), dtype=bool)
    right[list(model.mixed)] = True
    low = np.abs(lines[:, 2]) < HIGHEST * np.ptp(y)
    return bool(np.all(inside & width & right & low & np.isfinite(lines).all(axis=1)))


def _prune(
    model: LineModel,
    parameters: Floats,
    y: Floats,
    error: Floats,
    roughness: float,
    threshold: float,
) -> tuple[Floats, float]:
    """Take away lines that the others explain, weakest first."""
    while True:
        scale = _noise_scale(model, parameters, y, error, roughness)
        m = model.count(parameters)
        if m == 0:
            return parameters, scale
        effective = effective_error(model, parameters, error, scale)
        jacobian = model.jacobian(parameters, y, effective)
        covariance = np.linalg.pinv(jacobian.T @ jacobian)
        lines, baseline = model.split(parameters)
        # The inverse of what is nearly singular may come out below zero.
        variance = np.maximum(np.diag(covariance), np.finfo(float).tiny)
        sigma = np.sqrt(variance)[: lines.size].reshape(lines.shape)
        significance = np.abs(lines[:, 2] / sigma[:, 2])
        weakest = int(np.argmin(significance))
        if significance[weakest] ** 2 > 3 * threshold:
            return parameters, scale
        full, _ = model.minimise(parameters, y, scale * error)
        fewer = model.join(np.delete(lines, weakest, axis=0), baseline)
        fewer, _ = model.minimise(fewer, y, scale * error)
        loss = chi_square(model, fewer, y, effective) - chi_square(model, full, y, effective)
        if loss > threshold and sane(model, full, y, 0):
            return full, scale
        parameters = fewer


def choose_baseline(
    model: LineModel, parameters: Floats, y: Floats, error: Floats
) -> tuple[LineModel, Floats]:
    """Lower the baseline's degree while its highest coefficient is not worth it by BIC."""
    while model.order > 0:
        jacobian = model.jacobian(parameters, y, error)
        variance = np.linalg.pinv(jacobian.T @ jacobian)[-1, -1]
        if parameters[-1] ** 2 > np.log(y.size) * variance:
            break
        model = replace(model, order=model.order - 1)
        parameters, _ = model.minimise(parameters[:-1], y, error)
    return model, parameters
