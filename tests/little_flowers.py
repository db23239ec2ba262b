"""A Flowers102 of 30 drawn photos in torchvision's layout, for tests that damage it.

`make(folder)` writes it; `patch()` tells the helpers to expect this one. Also used by
subprocesses:  python -m tests.little_flowers <root> <size> [seconds to dawdle over each photo]
"""

import hashlib
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

COUNT = 30


def make(root: Path) -> Path:
    from helpers.synthetic import draw_flowers

    folder = Path(root) / "flowers-102"
    (folder / "jpg").mkdir(parents=True)
    pictures, _ = draw_flowers(COUNT, 48, seed=5)
    for i, picture in enumerate(pictures, 1):
        wide = np.concatenate([picture, picture[:, ::-1]], axis=1) if i % 2 else picture
        Image.fromarray(wide).save(folder / "jpg" / f"image_{i:05d}.jpg", quality=95)
    savemat(folder / "imagelabels.mat", {"labels": np.arange(COUNT)[None] % 102 + 1})
    numbers = np.arange(1, COUNT + 1)[None]
    savemat(folder / "setid.mat", {"trnid": numbers[:, :10], "valid": numbers[:, 10:16], "tstid": numbers[:, 16:]})
    return Path(root)


def patch(root: Path, setattr=setattr) -> None:
    from helpers.backstage import flowers

    sums = {
        name: hashlib.md5((Path(root) / "flowers-102" / name).read_bytes()).hexdigest()
        for name in ("imagelabels.mat", "setid.mat")
    }
    setattr(flowers, "CHECKSUMS", sums)
    setattr(flowers, "NUMBER_OF_PHOTOS", COUNT)


if __name__ == "__main__":
    root, size, dawdle = Path(sys.argv[1]), int(sys.argv[2]), float((sys.argv[3:] or [0])[0])
    patch(root)
    from helpers.backstage import flowers
    from helpers.data import load_flowers

    decode = flowers._decode
    flowers._decode = lambda path, size: (time.sleep(dawdle), decode(path, size))[1]
    print(hashlib.sha256(load_flowers("test", size, root=root).images.numpy().tobytes()).hexdigest())
