"""Mutated pictures, weights and folders of runs: flipped bits, cut ends, spliced headers, other lengths.

A mutant may be read, refused by a documented error, or do no harm. One that is read as other weights, or from which
another training comes, is lost: nobody would know.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image, ImageCms

from helpers.backstage.keeping import FORMATS, encode
from helpers.backstage.pictures import ImageError, read_picture
from helpers.inference import Colorizer, save_generator
from helpers.kid import FlowerNet
from helpers.models import UNet
from helpers.synthetic import draw_flowers

from .campaign import Kind, Lost, Undocumented
from .stage import (
    SIZE,
    TASKS,
    arrays_of,
    check_files,
    colorizer,
    digests,
    documented,
    home,
    once,
    photos_root,
    reference,
    said_so,
)  # fmt: skip

__all__ = ["KINDS", "mutated"]

WIDTH, HEIGHT = 64, 48
LENGTHS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


# ------------------------------------------------------------------------------------------------- mutations


def mutated(data: bytes, other: bytes, chance: Random) -> bytes:
    """One to three mutations of `data`; `other` is another file, to splice with."""
    before = data
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = chance.choice(MUTATIONS)(data, other, chance) or data
    if data == before:
        data = _flip_bits(data, other, chance)
    if data[:8] == b"\x89PNG\r\n\x1a\n" and chance.random() < 0.7:
        data = _right_sums(data)  # else a damaged chunk is not looked into
    return data


def _at(data: bytes, chance: Random) -> int:
    """Anywhere, but half of the time in the first bytes, which say what the rest is."""
    return chance.randrange(min(len(data), 400) if chance.random() < 0.5 else len(data))


def _flip_bits(data, other, chance):
    new = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 40))):
        new[_at(data, chance)] ^= 1 << chance.randrange(8)
    return bytes(new)


def _other_bytes(data, other, chance):
    at, count = _at(data, chance), chance.choice((1, 2, 4, 16, 64, 300))
    fill = chance.choice((b"\0" * count, b"\xff" * count, chance.randbytes(count)))
    return data[:at] + fill[: len(data) - at] + data[at + count :]


def _cut(data, other, chance):
    return data[: chance.randrange(1, len(data))]


def _cut_end(data, other, chance):
    return data[: -chance.randint(1, min(40, len(data) - 1))]


def _length(data, other, chance):
    form = chance.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
    size = struct.calcsize(form)
    value = chance.choice((*LENGTHS, len(data), len(data) * 2, chance.randrange(2**32))) % 2 ** (8 * size)
    at = _at(data, chance)
    return data[:at] + struct.pack(form, value)[: len(data) - at] + data[at + size :]


def _splice(data, other, chance):
    return data[: _at(data, chance) + 1] + other[chance.randrange(len(other)) :]


def _head_of_other(data, other, chance):
    size = chance.choice((2, 4, 8, 16, 64, 256))
    return other[:size] + data[size:]


def _without(data, other, chance):
    at = _at(data, chance)
    return data[:at] + data[at + chance.choice((1, 2, 16, 100, 1000)) :]


def _twice(data, other, chance):
    at, size = _at(data, chance), chance.choice((1, 4, 32, 500))
    return data[: at + size] + data[at:]


def _insert(data, other, chance):
    at, start = _at(data, chance), chance.randrange(len(other))
    return data[:at] + other[start : start + chance.choice((1, 8, 200))] + data[at:]


def _more(data, other, chance):
    return data + chance.choice((data, other, chance.randbytes(500)))


MUTATIONS = (
    _flip_bits, _flip_bits, _flip_bits, _other_bytes, _cut, _cut_end, _length, _length, _splice, _head_of_other,
    _without, _twice, _insert, _more,
)  # fmt: skip


def _right_sums(data: bytes) -> bytes:
    """A PNG whose chunks have right checksums, whatever is in them."""
    new, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if at + 12 + size > len(data):
            break
        chunk = data[at + 4 : at + 8 + size]
        new += data[at : at + 4] + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        at += 12 + size
    return bytes(new + data[at:])


# --------------------------------------------------------------------------------------------------- pictures


@lru_cache
def pictures() -> dict[str, bytes]:
    """A small file of each kind that Pillow can write here, by a name with its suffix."""
    flower = Image.fromarray(draw_flowers(1, WIDTH, seed=3)[0][0][:HEIGHT])
    gray, clear = flower.convert("L"), flower.copy()
    clear.putalpha(gray)
    deep = Image.fromarray(np.asarray(gray).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112], exif[0x0132], exif[0x010F] = 6, "1957:07:14 10:11:12", "Leica"
    exif[0x8769], exif[0x8825] = {0x9003: "1957:07:14 10:11:12"}, {1: "N"}
    exif = exif.tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    more = [flower.rotate(180), flower.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    wanted = [
        ("plain.jpg", flower, {}),
        ("progressive.jpg", flower, {"progressive": True, "quality": 60}),
        ("exif-icc.jpg", flower, {"exif": exif, "icc_profile": srgb, "dpi": (300, 300), "comment": b"a flower"}),
        ("gray.jpg", gray, {"icc_profile": srgb}),
        ("cmyk.jpg", flower.convert("CMYK"), {"icc_profile": lab}),
        ("restarts.jpg", flower, {"restart_marker_rows": 1, "subsampling": 2}),
        ("two.mpo", flower, {"save_all": True, "append_images": more[:1]}),
        ("plain.png", flower, {}),
        ("alpha-exif.png", clear, {"exif": exif, "icc_profile": srgb, "dpi": (72, 72)}),
        ("palette.png", flower.quantize(16), {"transparency": 3}),
        ("deep.png", deep, {}),
        ("bits.png", flower.convert("1"), {}),
        ("gray-alpha.png", clear.convert("LA"), {}),
        ("animated.png", flower, {"save_all": True, "append_images": more}),
        ("plain.tif", flower, {"exif": exif}),
        ("lzw.tif", flower, {"compression": "tiff_lzw", "icc_profile": srgb}),
        ("deflate.tif", clear, {"compression": "tiff_adobe_deflate"}),
        ("packbits.tif", gray, {"compression": "packbits"}),
        ("jpeg.tif", flower, {"compression": "jpeg"}),
        ("fax.tif", flower.convert("1"), {"compression": "group4"}),
        ("deep.tif", deep, {"compression": "tiff_lzw"}),
        ("deep-raw.tif", deep, {}),
        ("floats.tif", Image.fromarray(np.asarray(gray).astype(np.float32) / 255), {}),
        ("int32.tif", Image.fromarray(np.asarray(gray).astype(np.int32) * 1000), {}),
        ("cmyk.tif", flower.convert("CMYK"), {}),
        ("lab.tif", ImageCms.applyTransform(flower, transform), {}),
        ("pages.tif", flower, {"save_all": True, "append_images": more}),
        ("big.tif", flower, {"big_tiff": True}),
        ("lossy.webp", flower, {"exif": exif, "icc_profile": srgb}),
        ("lossless.webp", clear, {"lossless": True}),
        ("animated.webp", flower, {"save_all": True, "append_images": more}),
        ("plain.gif", flower, {}),
        ("animated.gif", flower, {"save_all": True, "append_images": more}),
        ("clear.gif", flower.quantize(8), {"transparency": 1}),
        ("plain.bmp", flower, {}),
        ("palette.bmp", flower.quantize(200), {}),
        ("bits.bmp", flower.convert("1"), {}),
        ("alpha.bmp", clear, {}),
        ("plain.dib", flower, {}),
        ("plain.avif", flower, {"speed": 10, "exif": exif, "icc_profile": srgb}),
        ("alpha.avif", clear, {"speed": 10}),
        ("plain.jp2", flower, {}),
        ("gray.jp2", gray, {"irreversible": True, "quality_layers": [20]}),
        ("deep.jp2", deep, {}),
        ("stream.j2k", flower, {}),
        ("plain.ppm", flower, {}),
        ("gray.pgm", gray, {}),
        ("deep.pgm", deep, {}),
        ("bits.pbm", flower.convert("1"), {}),
        ("plain.ico", clear.resize((48, 48)), {}),
        ("bmp.ico", clear.resize((32, 32)), {"bitmap_format": "bmp"}),
        ("plain.icns", clear.resize((128, 128)), {}),
        ("plain.tga", flower, {}),
        ("rle.tga", clear, {"compression": "tga_rle"}),
        ("plain.pcx", flower, {}),
        ("plain.sgi", flower, {}),
        ("plain.dds", clear, {}),
        ("plain.im", flower, {}),
        ("bits.msp", flower.convert("1"), {}),
        ("bits.xbm", flower.convert("1"), {}),
        ("plain.qoi", flower, {}),
    ]
    made = {}
    for name, picture, options in wanted:
        kind, buffer = Image.registered_extensions().get("." + name.split(".")[1]), io.BytesIO()
        with contextlib.suppress(OSError, KeyError, ValueError, TypeError):  # older versions of Pillow write less
            picture.save(buffer, kind, **options)
            made[name] = buffer.getvalue()
    # Those that Pillow reads and cannot write
    made["binary.ps.jpg"] = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 48\n%%EndComments\n(touched) run\n%%EOF\n"
    raw = np.asarray(flower).transpose(2, 0, 1).tobytes()
    made["plain.psd"] = struct.pack(">4sH6xHIIHHIIIH", b"8BPS", 1, 3, HEIGHT, WIDTH, 8, 3, 0, 0, 0, 0) + raw
    made["plain.ras"] = struct.pack(">8I", 0x59A66A95, WIDTH, HEIGHT, 24, len(raw), 1, 0, 0) + raw
    made["plain.xpm"] = _xpm(flower.quantize(8))
    return made


def _xpm(picture: Image.Image) -> bytes:
    colors = np.asarray(picture.getpalette()[: 3 * 8]).reshape(-1, 3)
    lines = [f'"{picture.width} {picture.height} {len(colors)} 1"']
    lines += [f'"{chr(97 + i)} c #{r:02x}{g:02x}{b:02x}"' for i, (r, g, b) in enumerate(colors)]
    lines += [f'"{"".join(chr(97 + i) for i in row)}"' for row in np.asarray(picture)]
    return ("/* XPM */\nstatic char *flower[] = {\n" + ",\n".join(lines) + "\n};\n").encode()


def picture(chance: Random, folder: Path, number: int) -> None:
    """What `python -m helpers.inference` does with a file: read, colored, and encoded again."""
    files = list(pictures())
    name = files[number % len(files)]
    path = folder / name
    path.write_bytes(mutated(pictures()[name], pictures()[chance.choice(files)], chance))
    try:
        read = read_picture(path)
    except ImageError as error:
        text = str(error)
        if not text.startswith(str(path)) or text.count("\n") or len(text) > 500:
            raise Undocumented(f"{name}: {text[:300]!r}") from error
        if "memory of this computer" in text:
            raise Undocumented(f"{name}: more memory than allowed") from error
        return
    except Exception as error:
        raise Undocumented(f"{name}: {type(error).__name__}: {str(error)[:200]}") from error
    if read.rgb.dtype != np.uint8 or read.rgb.ndim != 3 or read.rgb.shape[2] != 3:
        raise Undocumented(f"{name}: read as {read.rgb.dtype} {read.rgb.shape}")
    colored = colorizer().colorize(read.rgb, name=str(path))
    if colored.shape != read.rgb.shape or colored.dtype != np.uint8:
        raise Undocumented(f"{name}: colored as {colored.dtype} {colored.shape}")
    suffix = path.suffix if path.suffix in FORMATS and read.alpha is None else ".png"
    if read.alpha is not None:
        colored = np.dstack([colored, read.alpha])
    content = encode(colored, replace(read, name=str(path)), suffix)
    if Image.open(io.BytesIO(content)).size != colored.shape[1::-1]:
        raise Lost(f"{name}: what was written has another size")


def photo(chance: Random, folder: Path, number: int) -> None:
    """A damaged photo of Flowers102, while the cache is made."""
    from helpers.backstage import flowers

    shutil.copytree(photos_root(), folder / "root")
    path = folder / "root/flowers-102/jpg" / f"image_{chance.randint(1, 10):05d}.jpg"
    data = mutated(path.read_bytes(), pictures()["plain.png"], chance)
    path.write_bytes(data)
    with _environment(COLORIZE_CACHE=str(folder / "cache")):
        try:
            images = flowers.cached_images(folder / "root", np.arange(1, 11), 16, "train", False)
        except Exception as error:
            documented(error, path.name)
            if list((folder / "cache").glob("*.npy")):
                raise Lost("half a cache is there") from error
            return
    if images.shape != (10, 3, 16, 16):
        raise Lost(f"photos of another shape: {images.shape}")


# ---------------------------------------------------------------------------------------------------- weights


def _networks(folder: Path) -> None:
    torch.manual_seed(4)
    save_generator(UNet(4, 2), folder / "plain.safetensors", SIZE)
    save_generator(UNet(4, 2, half_res=True), folder / "half.safetensors", SIZE, half=True)
    save_generator(UNet(8, 3, skips=False), folder / "larger.safetensors", SIZE)
    save_generator(FlowerNet(5), folder / "flowernet.safetensors", SIZE)  # which is no generator
    torch.save(UNet(4, 2).state_dict(), folder / "checkpoint.safetensors")  # nor is this
    for path in folder.glob("*.safetensors"):
        card = {"name": path.stem, "recipe": {"size": SIZE}, "scorecard": {"psnr": [20.0, 19.0, 21.0]}}
        path.with_suffix(".json").write_text(json.dumps(card))


@lru_cache
def networks() -> dict[str, tuple[bytes, bytes]]:
    """Files of weights and their cards."""
    folder = once("networks", _networks)
    found = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.safetensors"))}
    return {name: (data, (folder / f"{name}.json").read_bytes()) for name, data in found.items()}


@lru_cache
def _truth(name: str) -> dict | None:
    try:
        return arrays_of(Colorizer.from_pretrained(home() / f"networks/{name}.safetensors", "cpu").model.state_dict())
    except ValueError:
        return None


def weight_file(chance: Random, folder: Path, number: int) -> None:
    """Damaged weights, or a damaged card beside whole ones."""
    names = list(networks())
    name = names[number % len(names)]
    data, card = networks()[name]
    path, truth = folder / f"{name}.safetensors", _truth(name)
    if chance.random() < 0.85:
        data = mutated(data, networks()[chance.choice(names)][0], chance)
    else:
        card = mutated_json(card, chance)
    path.write_bytes(data)
    path.with_suffix(".json").write_bytes(card)
    try:
        read = Colorizer.from_pretrained(path, "cpu")
    except Exception as error:
        return documented(error, path.name, path.with_suffix(".json").name)
    if truth is None:
        raise Lost(f"{name} is read as a generator")
    state = arrays_of(read.model.state_dict())
    if state.keys() != truth.keys() or any(not np.array_equal(state[key], truth[key]) for key in truth):
        raise Lost(f"{name}: other weights are read, and nothing is said")
    if read.size != SIZE:
        raise Lost(f"{name}: the size is {read.size}")


def mutated_json(data: bytes, chance: Random) -> bytes:
    """Half of the time other bytes; else sound JSON that says something else."""
    if chance.random() < 0.5:
        return mutated(data, b'{"a": [1, 2, {"b": null}], "c": "\xc3\xa9"}' * 3, chance)
    content = json.loads(data)
    odd = (None, True, -1, 0, 1e308, 10**30, "", "text", [], {}, [[[]]], {"a": {}}, float("nan"), float("inf"))
    for _ in range(chance.choice((1, 1, 2, 5))):
        place = content
        while isinstance(place, (dict, list)) and place:
            key = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
            if isinstance(place[key], (dict, list)) and place[key] and chance.random() < 0.7:
                place = place[key]
                continue
            if chance.random() < 0.3:
                del place[key]
            else:
                place[key] = chance.choice(odd)
            break
    whole = content if chance.random() < 0.9 else chance.choice(odd)
    return json.dumps(whole).encode()


# -------------------------------------------------------------------------------------------- folders of runs


RUN = TASKS["training small"]


def _runs(folder: Path) -> None:
    """A run that is done, and one that was stopped in its game."""
    from .processes import call

    for name, until in (("done", None), ("stopped", 7)):
        work = folder / name
        work.mkdir()
        ended = call(_until, work, until)
        if ended.code:
            raise RuntimeError(ended.error)


def _until(work: Path, until: int | None) -> None:
    from functools import partial

    from helpers import cli, runs

    if until is not None:
        cli.train = partial(runs.train, save_every=0.0, stop_after=until)
    RUN.do(work)


def run_folder(chance: Random, folder: Path, number: int) -> None:
    """One damaged file in the folder of a run: the same command refuses it, or ends with the same bits."""
    made, source = reference(RUN), once("runs", _runs) / ("done", "stopped")[number % 2]
    shutil.copytree(source, folder, dirs_exist_ok=True)
    files = sorted(path for path in (folder / "run").rglob("*") if path.is_file() and path.stat().st_size)  # no .lock
    path = chance.choice(files + [folder / "run/last.pt"] * len(files))
    read = path.read_bytes()
    if path.suffix == ".json":
        data = mutated_json(read, chance)
    else:
        data = mutated(read, chance.choice(files).read_bytes(), chance)
    path.write_bytes(data)
    code, text = _quiet(RUN.do, folder)
    place = str(path.relative_to(folder))
    if code:
        if code not in (1, 2):
            raise Undocumented(f"{place}: the exit code is {code}")
        try:
            return said_so(text, "run")
        except Undocumented as error:
            raise Undocumented(f"{place}: {error}") from error
    untouched = (place,) if path.exists() and path.read_bytes() == data else ()
    try:
        check_files(folder, made, finished=True, but=untouched)
    except Lost as error:
        raise Lost(f"{place} was damaged, then {error}") from error


def cache_file(chance: Random, folder: Path, number: int) -> None:
    """Damaged bytes in the cache: it is made anew, or refused."""
    task = TASKS["caching"]
    made, _ = reference(task), _quiet(task.do, folder)
    path = next((folder / "cache").glob("*.npy"))
    others = sorted(one for one in (folder / "cache").iterdir() if not re.search(r"\.(npy|lock)$", one.name))
    path = chance.choice([path, path, *others])
    path.write_bytes(mutated(path.read_bytes(), pictures()["plain.png"], chance))
    try:
        code, text = _quiet(task.do, folder)
    except Lost as error:
        raise Lost(f"{path.suffix}: {error}") from error
    if code:
        return said_so(text, "flowers-", "cache")
    if digests(folder).keys() - made.final.keys():
        raise Lost("something else lies in the cache")


def _quiet(do: Callable, folder: Path) -> tuple[int, str]:
    """The exit code, and what was said on stderr."""
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said), _environment():
        return do(folder), said.getvalue()


@contextlib.contextmanager
def _environment(**changes: str):
    import os

    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _ready() -> None:
    reference(RUN)
    reference(TASKS["caching"])
    once("runs", _runs)
    networks()


KINDS = [
    Kind("mutated pictures", picture, 17_500, 15, reads=True),
    Kind("mutated photos of the data set", photo, 400, 10, reads=True),
    Kind("mutated weights and cards", weight_file, 2_500, 10, reads=True),
    Kind("mutated folders of runs", run_folder, 300, 30, ready=_ready),
    Kind("mutated cache", cache_file, 300, 10, ready=_ready),
]
