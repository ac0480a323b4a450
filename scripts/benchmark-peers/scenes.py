"""Scenes to measure on: the Blue Marble, enlarged, in the layouts that archives have."""
import pathlib
import subprocess

# name: (GDAL creation options, what part of the Earth: offset and size in pixels of the source of 5400 × 2700)
LAYOUTS = {
    "striped": ["-co", "TILED=NO"],
    "tiled": ["-co", "TILED=YES"],
    "deflate": ["-co", "TILED=YES", "-co", "BLOCKXSIZE=512", "-co", "BLOCKYSIZE=512", "-co", "COMPRESS=DEFLATE",
                "-co", "PREDICTOR=2"],
    "jpeg": ["-co", "TILED=YES", "-co", "BLOCKXSIZE=512", "-co", "BLOCKYSIZE=512", "-co", "COMPRESS=JPEG",
             "-co", "PHOTOMETRIC=YCBCR", "-co", "JPEG_QUALITY=90"],
}
QUARTERS = [(0, 0), (2700, 0), (0, 1350), (2700, 1350)]
SIDE = (2700, 1350)
ENLARGED = 4


def make(earth, folder):
    """One scene per layout, each another quarter of the Earth, 10,800 × 5,400 pixels; returns their paths by layout."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for (name, options), (x, y) in zip(LAYOUTS.items(), QUARTERS):
        path = paths[name] = folder / f"{name}.tif"
        if path.exists():
            continue
        partial = folder / f"{name}.partial.tif"
        subprocess.run(["gdal_translate", "-q", "-srcwin", str(x), str(y), str(SIDE[0]), str(SIDE[1]), "-outsize",
                        str(SIDE[0] * ENLARGED), str(SIDE[1] * ENLARGED), "-r", "cubic", *options, str(earth),
                        str(partial)], check=True)
        partial.rename(path)
    return paths


def make_large(earth, folder, side):
    """A virtual scene of side × side pixels over the whole Earth: real pixels, no bytes."""
    path = pathlib.Path(folder) / f"earth-{side}.vrt"
    if not path.exists():
        subprocess.run(["gdal_translate", "-q", "-of", "VRT", "-outsize", str(side), str(side), str(earth), str(path)],
                       check=True)
    return path
