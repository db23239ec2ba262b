"""All kinds of the campaign, in the order of its table."""

from . import damage, disks, kills, mutants, together

KINDS = [*kills.KINDS, *disks.KINDS, *together.KINDS, *damage.KINDS, *mutants.KINDS]
