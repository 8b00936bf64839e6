"""A field for a quantity, typed as one writes it: "2.87 GHz", "17 G", "330 uW"."""

from collections.abc import Callable
from typing import Any

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QLineEdit, QWidget
from pyqtgraph.parametertree import registerParameterType
from pyqtgraph.parametertree.Parameter import Parameter
from pyqtgraph.parametertree.parameterTypes import (
    BoolParameterItem,
    ListParameter,
    ListParameterItem,
    SimpleParameter,
    WidgetParameterItem,
)

from labctl.errors import UnitError
from labctl.gui.theme import repolish
from labctl.units import format_quantity, parse_quantity

DIGITS = 12


class QuantityEdit(QLineEdit):
    """Shows a number with its SI prefix and reads it back; empty or "none" is None.

    What cannot be read is kept and handed on as text, for the parameter model to say what is
    wrong with it.

    Attributes:
        changed: the value may be another one.
    """

    changed = pyqtSignal()

    def __init__(self, unit: str, *, whole: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._unit, self._whole = unit, whole
        self._value: Any = None
        self._written = ""
        self.editingFinished.connect(self._finish)

    def value(self) -> float | int | str | None:
        """The number in SI, None, or the text that is no quantity."""
        text = self.text().strip()
        if text == self._written:
            return self._value  # to the last digit, where it was set and not typed
        if not text or text.lower() == "none":
            return None
        try:
            number = parse_quantity(text, self._unit)
        except UnitError:
            return text
        return int(number) if self._whole and number.is_integer() else number

    def set_value(self, value: Any) -> None:
        """Show a value."""
        self._value = value
        if value is None:
            self._written = ""
        elif isinstance(value, int | float):
            self._written = format_quantity(value, self._unit, digits=DIGITS)
        else:
            self._written = str(value)
        if self.text() != self._written:
            self.setText(self._written)

    def mark(self, wrong: str) -> None:
        """Tell what is wrong with the value, "" if nothing is."""
        state = "wrong" if wrong else ""
        if self.property("state") != state:
            self.setProperty("state", state)
            repolish(self)

    def _finish(self) -> None:
        before = self._value
        self.set_value(self.value())
        if self._value != before:
            self.changed.emit()


class _ResetWhereChanged:
    """A row whose button back to the default is there only where it would change something."""

    param: Any
    defaultBtn: Any  # noqa: N815  pyqtgraph's name

    def updateDefaultBtn(self) -> None:  # noqa: N802  pyqtgraph's name
        self.defaultBtn.setVisible(self.param.value() != self.param.opts.get("default"))


class QuantityItem(_ResetWhereChanged, WidgetParameterItem):
    """The row of a quantity in a pyqtgraph parameter tree."""

    def makeWidget(self) -> QuantityEdit:  # noqa: N802  pyqtgraph's name
        opts = self.param.opts
        edit = QuantityEdit(opts["unit"], whole=opts["whole"])
        edit.setObjectName(f"field_{self.param.name()}")
        edit.setPlaceholderText(opts["placeholder"])
        edit.setToolTip(opts["tip"])
        # The names under which pyqtgraph looks for them.
        made: Any = edit
        made.sigChanged, made.setValue = edit.changed, edit.set_value
        self.hideWidget = False
        return edit

    def updateDisplayLabel(self, value: Any = None) -> None:  # noqa: N802  pyqtgraph's name
        self.displayLabel.hide()


class _ChoiceItem(_ResetWhereChanged, ListParameterItem):
    pass


class _SwitchItem(_ResetWhereChanged, BoolParameterItem):
    pass


class ChoiceParameter(ListParameter):
    """A parameter with a list of values."""

    itemClass: Any = _ChoiceItem  # pyright: ignore  # noqa: N815  pyqtgraph's name


class SwitchParameter(SimpleParameter):
    """A parameter that is on or off."""

    itemClass: Any = _SwitchItem  # pyright: ignore  # noqa: N815  pyqtgraph's name


class QuantityParameter(Parameter):
    """A parameter whose row is a `QuantityEdit`."""

    itemClass: Any = QuantityItem  # pyright: ignore  # noqa: N815  pyqtgraph's name


def quantity_parameter(
    name: str, value: Any, *, title: str, unit: str, whole: bool, placeholder: str, tip: str,
    changed: Callable[..., None],
) -> Parameter:  # fmt: skip
    """A parameter whose row is a `QuantityEdit`."""
    made = Parameter.create(
        name=name, type="labctl_quantity", title=title, value=value, default=value, unit=unit,
        whole=whole, placeholder=placeholder, tip=tip,
    )  # fmt: skip
    made.sigValueChanged.connect(changed)
    return made


registerParameterType("labctl_quantity", QuantityParameter, override=True)
registerParameterType("labctl_choice", ChoiceParameter, override=True)
registerParameterType("labctl_switch", SwitchParameter, override=True)
