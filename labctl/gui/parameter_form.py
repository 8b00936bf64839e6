"""The form of a sequence's parameters, made from its declaration."""
# pyright: reportOptionalMemberAccess=false
# PyQt5 declares nearly every getter Optional; those used here are never None.

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, get_args

import annotated_types
from pydantic.fields import FieldInfo
from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QHeaderView, QLabel, QPushButton, QVBoxLayout, QWidget
from pyqtgraph.parametertree import Parameter, ParameterTree

from labctl.core import Rig
from labctl.core.checks import check_limits
from labctl.errors import LabError
from labctl.gui.quantity_edit import QuantityEdit, quantity_parameter
from labctl.parameters import SequenceParameters, device_limit_of, label_of, source_of, unit_of
from labctl.units import format_quantity

_SIGNS = {annotated_types.Ge: ("≥", "ge"), annotated_types.Gt: (">", "gt"),
          annotated_types.Le: ("≤", "le"), annotated_types.Lt: ("<", "lt")}  # fmt: skip


class ParameterForm(QWidget):
    """One row per parameter, checked as it is typed against its model and the open hardware.

    Attributes:
        changed: the values are others, or the check of them has another outcome.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("parameter_form")
        self._model: type[SequenceParameters] | None = None
        self._rig: Rig | None = None
        self._group: Parameter | None = None
        self._error = ""
        self._left_over: dict[str, Any] = {}
        self._tree = ParameterTree(showHeader=False)
        self._tree.setObjectName("parameter_tree")
        self._tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        self._tree.header().setStretchLastSection(False)
        self._tree.setColumnWidth(1, 126)
        self._tree.setIndentation(0)
        self._message = QLabel("")
        self._message.setObjectName("form_message")
        self._message.setWordWrap(True)
        self._message.setProperty("state", "wrong")
        self._message.hide()
        self._leave_out = QPushButton("Leave it out")
        self._leave_out.setObjectName("form_leave_out")
        self._leave_out.setToolTip("Go on without the values that this sequence does not know")
        self._leave_out.clicked.connect(self._forget_left_over)
        self._leave_out.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self._tree, 1)
        layout.addWidget(self._message)
        layout.addWidget(self._leave_out)

    @property
    def error(self) -> str:
        """What is wrong with the values, in the words of the form; "" if nothing is."""
        return self._error

    def set_model(self, model: type[SequenceParameters]) -> None:
        """Show the parameters of a model with their defaults."""
        self._model = model
        self._left_over = {}
        rows = [self._row(name, field) for name, field in model.model_fields.items()]
        self._group = Parameter.create(name="parameters", type="group", children=rows)
        self._tree.setParameters(self._group, showTop=False)
        for row in rows:
            for item in row.items:
                item.setToolTip(0, f"{row.name()}: {row.opts['tip']}")
                item.widget.setObjectName(f"field_{row.name()}")
        self._check()

    def set_rig(self, rig: Rig | None) -> None:
        """Take the limits of another rig."""
        self._rig = rig
        if self._group is not None and self._model is not None:
            for name, field in self._model.model_fields.items():
                self._group.child(name).setOpts(tip=self._tip(name, field))
        self._check()

    def values(self) -> dict[str, Any]:
        """What the form holds: SI numbers, None, and whatever cannot be read as one as it is."""
        if self._group is None:
            return {}
        shown = {row.name(): row.value() for row in self._group.children()}
        return {**shown, **self._left_over}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Fill in values, such as those of another version's preset or run.

        What no row can show is kept, told, and stops the form from being run until it is left
        out or replaced; nothing is taken in part.
        """
        rows = {} if self._group is None else {row.name(): row for row in self._group.children()}
        plain = {k: v.value if isinstance(v, Enum) else v for k, v in values.items()}
        for name in plain.keys() & rows.keys():
            _show(rows[name], plain[name])
        self._left_over = {
            name: value
            for name, value in plain.items()
            if name not in rows or rows[name].value() != value
        }
        self._check()

    def _forget_left_over(self) -> None:
        self._left_over = {}
        self._check()

    def _edited(self, row: Parameter) -> None:
        self._left_over.pop(row.name(), None)
        self._check()

    def _check(self, *_: Any) -> None:
        model, wrong = self._model, ""
        if model is None:
            return
        try:
            made = model.from_user(self.values())
            if self._rig is not None:
                check_limits(made, self._rig)
        except LabError as error:
            wrong = str(error)
        unknown = {k: v for k, v in self._left_over.items() if k not in model.model_fields}
        if unknown:
            listed = ", ".join(f"{name} = {value!r}" for name, value in unknown.items())
            wrong = f"This sequence does not know {listed}.{_else_wrong(model, self.values())}"
        self._error = model.in_labels(wrong)
        self._message.setText(self._error)
        self._message.setVisible(bool(wrong))
        self._leave_out.setVisible(bool(unknown))
        named = set(re.findall(r"`(\w+)`", wrong))
        for name in model.model_fields:
            field = self._tree.findChild(QuantityEdit, f"field_{name}")
            if field is not None:
                field.mark(self._error if name in named else "")
        self.changed.emit()

    def _row(self, name: str, field: FieldInfo) -> Parameter:
        kinds = get_args(field.annotation) or (field.annotation,)
        required = field.is_required()
        default = None if required else field.get_default(call_default_factory=True)
        default = default.value if isinstance(default, Enum) else default
        title, tip = field.title or name, self._tip(name, field)
        if kinds == (bool,):
            row = Parameter.create(
                name=name,
                type="labctl_switch",
                title=title,
                value=default,
                default=default,
                tip=tip,
            )
        elif isinstance(kinds[0], type) and issubclass(kinds[0], Enum):
            choices = [member.value for member in kinds[0]]
            row = Parameter.create(
                name=name, type="labctl_choice", title=title, limits=choices, value=default,
                default=default, tip=tip,
            )  # fmt: skip
        else:
            title, _, where_none = title.partition(" (none: ")
            empty = "required" if required else where_none.rstrip(")") or "as it is"
            source = source_of(field)
            if source is not None:
                empty = f"from {source[0]}"
            return quantity_parameter(
                name, default, title=title, unit=unit_of(field), whole=int in kinds,
                placeholder=empty, tip=tip, changed=self._edited,
            )  # fmt: skip
        row.sigValueChanged.connect(self._edited)
        return row

    def _tip(self, name: str, field: FieldInfo) -> str:
        unit = unit_of(field)
        parts = [label_of(name, field)]
        for item in field.metadata:
            if type(item) in _SIGNS:
                sign, attribute = _SIGNS[type(item)]
                parts.append(f"{sign} {format_quantity(getattr(item, attribute), unit)}")
        bound = device_limit_of(field)
        if bound is not None and self._rig is not None and bound[0] in self._rig.devices:
            role, setting = bound
            limits = self._rig.devices[role].limits.get(setting)
            parts += [f"{role}: {limits}"] if limits is not None else []
        return "; ".join(parts)


def _show(row: Parameter, value: Any) -> None:
    """Let a row show a value, also a choice that it does not know."""
    if row.type() == "labctl_switch" and not isinstance(value, bool):
        return
    choices = row.opts.get("limits")
    if choices is not None and value not in choices:
        row.setLimits([*choices, value])
    row.setValue(value)


def _else_wrong(model: type[SequenceParameters], values: Mapping[str, Any]) -> str:
    """What else is wrong, as a further sentence."""
    try:
        model.from_user({k: v for k, v in values.items() if k in model.model_fields})
    except LabError as error:
        return f" {error}"
    return ""
