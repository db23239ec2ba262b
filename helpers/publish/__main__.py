"""`python -m helpers.publish`."""

import os
import sys

import torch

from . import main

torch.manual_seed(0)
os.environ.setdefault("COLORIZE_OFFLINE", "1")
sys.exit(main())
