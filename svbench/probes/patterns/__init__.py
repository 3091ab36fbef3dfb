"""The probe ``patterns``: five kinds of sounds that mislead separators, mixed into music."""
