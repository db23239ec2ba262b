"""The small package that the notebooks build up and import. Each module can be read on its own.

Importing `helpers` loads nothing else: `from helpers.color import rgb_to_lab`, and so on.
"""
