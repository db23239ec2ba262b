"""Installs the course from the folder that this file lies in. No network is needed.

python install.py [FOLDER]        FOLDER is made; without it, colorization in your home
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SYSTEMS = {"linux": "Linux", "linux-arm": "Linux", "windows": "Windows", "mac": "Darwin"}


def main():
    facts = json.loads((HERE / "pack.json").read_text(encoding="utf8"))
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path.home() / "colorization").expanduser().resolve()
    mine, wanted = "{}.{}".format(*sys.version_info), facts["python"]
    if platform.system() != SYSTEMS[facts["platform"]]:
        stop(f"this stick is for {facts['platform']}, and here is {platform.system()}")
    if mine != wanted:
        stop(f"this stick is for Python {wanted}, and this is {mine}: take python{wanted}, or make another stick")
    if folder.exists() and any(folder.iterdir()) and not (folder / "course" / "helpers").is_dir():
        stop(f"{folder} is there already, with something else in it: name another folder")
    size = sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file())
    free = shutil.disk_usage(existing(folder)).free
    if free < 3 * size:  # packages grow to about twice their wheels
        stop(f"{folder} needs {3 * size / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free")
    print(f"1/3 course and photos to {folder}", flush=True)
    shutil.copytree(HERE / "course", folder / "course", dirs_exist_ok=True)
    if facts["photos"]:
        shutil.copytree(HERE / "photos", folder / "photos", dirs_exist_ok=True)
    print("2/3 packages", flush=True)
    python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run([sys.executable, "-m", "venv", folder / "venv"], "the venv was not made (Debian: apt install python3-venv)")
    pip = [python, "-m", "pip", "install", "--no-index", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--find-links", HERE / "wheels", "-r", HERE / "requirements.txt"], "pip could not install the packages")
    print("3/3 how to start", flush=True)
    start = starter(folder, python, facts["photos"])
    print(f"Done. Start the course with:  {start}")


def existing(path):
    return path if path.exists() else existing(path.parent)


def run(call, trouble):
    # pip's own settings on this computer may name an index, and there is no network to reach it
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    done = subprocess.run(list(map(str, call)), env={**clean, "PIP_CONFIG_FILE": os.devnull})
    if done.returncode:
        stop(f"{trouble}; its own words are above. Run this again when that is mended")


def starter(folder, python, photos):
    """A file that sets where the photos are, and opens the course."""
    lab = [str(python), "-m", "jupyter", "lab", "--ServerApp.root_dir=.", "notebooks/00_start_here.ipynb"]
    if os.name == "nt":
        path, lines = folder / "start.bat", ["@echo off"]
        lines += [f'set "FLOWERS102_ROOT={folder / "photos"}"'] if photos else []
        lines += [f'cd /d "{folder / "course"}"', f'"{lab[0]}" ' + " ".join(lab[1:])]
    else:
        quoted = "'" + str(folder).replace("'", "'\\''") + "'"
        path, lines = folder / "start.sh", ["#!/bin/sh"]
        lines += [f"export FLOWERS102_ROOT={quoted}/photos"] if photos else []
        lines += [f"cd {quoted}/course", f"exec {quoted}/venv/bin/python " + " ".join(lab[1:])]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    path.chmod(0o755)
    return path


def stop(words):
    sys.exit(f"error: {words}")


if __name__ == "__main__":
    main()
