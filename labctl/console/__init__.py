"""What the operator console stands on: queue, presets, run index, passports, monitors; no Qt."""
