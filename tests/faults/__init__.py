"""The campaign against everything that the course keeps: kills, damage, full disks, several processes.

    python -m tests.faults                      # all of it, about half an hour on two cores; Ctrl-C keeps what is done
    python -m tests.faults --share 0.02         # a fiftieth, which is what plain `pytest` runs of it
    python -m tests.faults --only pictures --case 1234     # one case again
    python -m tests.faults --write              # all of it, and its figures into the README

What must hold after each case: every file is the old one or the new one, whole; a run that goes on ends with the same
bits; what is damaged is refused by a documented error that names the file, or does no harm; time and memory are
bounded; nothing that stands in a file is run.

campaign.py   kinds of cases, the processes that try them, figures
processes.py  something done in a child: its output caught, killed at some moment, on a disk of its own
stage.py      what is tried: a training, the cache of photos, the export of weights, the coloring of a folder
kills.py, disks.py, together.py, damage.py, mutants.py     the kinds
"""
