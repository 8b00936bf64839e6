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
from PyQt5.QtWidgets import QHeaderView, QLabel, QVBoxLayout, QWidget
from pyqtgraph.parametertree import Parameter, ParameterTree

from labctl.core import Rig
from labctl.core.checks import check_limits
from labctl.errors import LabError
from labctl.gui.quantity_edit import QuantityEdit, quantity_parameter
from labctl.parameters import SequenceParameters, device_limit_of, source_of, unit_of
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
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self._tree, 1)
        layout.addWidget(self._message)

    @property
    def error(self) -> str:
        """What is wrong with the values, "" if nothing is."""
        return self._error

    def set_model(self, model: type[SequenceParameters]) -> None:
        """Show the parameters of a model with their defaults."""
        self._model = model
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
        """What the form holds: SI numbers, None, and text where it cannot be read as one."""
        if self._group is None:
            return {}
        return {row.name(): row.value() for row in self._group.children()}

    def set_values(self, values: Mapping[str, Any]) -> list[str]:
        """Fill in values; returns the names that no parameter has."""
        if self._group is None:
            return list(values)
        known = {row.name(): row for row in self._group.children()}
        for name in values.keys() & known.keys():
            value = values[name]
            known[name].setValue(value.value if isinstance(value, Enum) else value)
        self._check()
        return sorted(values.keys() - known.keys())

    def _check(self, *_: Any) -> None:
        model, error = self._model, ""
        if model is None:
            return
        try:
            made = model.from_user(self.values())
            if self._rig is not None:
                check_limits(made, self._rig)
        except LabError as wrong:
            error = str(wrong)
        self._error = error
        self._message.setText(error)
        self._message.setVisible(bool(error))
        named = set(re.findall(r"`(\w+)`", error))
        for name in model.model_fields:
            field = self._tree.findChild(QuantityEdit, f"field_{name}")
            if field is not None:
                field.mark(error if name in named else "")
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
                placeholder=empty, tip=tip, changed=self._check,
            )  # fmt: skip
        row.sigValueChanged.connect(self._check)
        return row

    def _tip(self, name: str, field: FieldInfo) -> str:
        unit = unit_of(field)
        parts = [field.title or name]
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
