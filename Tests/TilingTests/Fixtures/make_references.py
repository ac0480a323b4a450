"""Writes the scenes of this folder and references.json: an independent account of how each is to be cut."""
import hashlib, json, math, os
import numpy as np, pyproj, rasterio, shapely
from rasterio.enums import ColorInterp
from rasterio.transform import Affine

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(7)
W, H = 75, 61
yy, xx = np.mgrid[0:H, 0:W]
TRANSFORM = Affine(30, 0, 500000, 0, -30, 5100000)


def field(low, high, k):
    """A smooth surface with noise."""
    base = 0.5 + 0.3 * np.sin(xx / (7 + k)) + 0.2 * np.cos(yy / (5 + k)) * np.sin(xx * yy / 400)
    return low + (high - low) * np.clip(base + rng.normal(0, 0.05, (H, W)), 0, 1)


def save(name, data, transform=TRANSFORM, mask=None, colors=None, palette=None, tags=None, internal=True, **profile):
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        with rasterio.open(
            f"{HERE}/{name}.tif", "w", driver="GTiff", width=W, height=H, count=len(data), dtype=data.dtype,
            crs="EPSG:32633", transform=transform, **profile) as out:
            if colors:
                out.colorinterp = colors
            if palette:
                out.write_colormap(1, palette)
            if tags:
                out.update_tags(**tags)
            out.write(data)
            if mask is not None:
                out.write_mask(mask)


hole = ((xx - 50) ** 2 + (yy - 20) ** 2 < 300)
tiled = dict(tiled=True, blockxsize=32, blockysize=32, compress="deflate")

rgb = np.stack([field(1, 255, k) for k in range(3)]).astype("uint8")
save("rgb8", rgb, compress="deflate")
holed = rgb.copy(); holed[:, hole] = 0; holed[0, :30, :30] = 0
save("rgb8_nodata", holed, nodata=0, **tiled)
save("rgb8_mask", rgb, mask=np.where(hole, 0, 255).astype("uint8"), **tiled)
save("rgb8_sidemask", rgb, mask=np.where(hole, 0, 255).astype("uint8"), internal=False, compress="deflate")
u16 = np.stack([field(300, 9000, k) for k in range(4)]).astype("uint16")
u16[3] = np.where(hole, 0, 65535)
save("u16_alpha", u16, colors=[ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha],
     photometric="RGB", interleave="band", **tiled)
i16 = np.stack([field(-500, 4000, 2)]).astype("int16"); i16[0, hole] = -9999
save("i16_nodata", i16, nodata=-9999, compress="lzw")
f32 = np.stack([field(-1, 1, k) for k in range(3)]).astype("float32"); f32[0, hole] = np.nan; f32[2, 40:, :9] = np.nan
save("f32_nan", f32, nodata=float("nan"), interleave="band", **tiled)
save("f64", field(1e5, 2e5, 1)[None].astype("float64"))
index = (field(0, 12, 3)).astype("uint8")[None]
table = {i: (20 * i, 255 - 20 * i, 7 * i, 0 if i == 5 else 255) for i in range(12)}
save("palette", index, palette=table, compress="deflate")
scl = np.where(hole, 9, np.where(xx > 60, 3, 4)).astype("uint16")
save("u16_classes", np.stack([u16[0], u16[1], u16[2], scl]), **tiled)


def dataset_valid(src, bands, raw):
    """Validity as the documentation states it."""
    if np.issubdtype(raw.dtype, np.floating):
        return np.isfinite(raw).all(axis=0)
    return src.dataset_mask() != 0 if src.colorinterp[0] != ColorInterp.palette else None


def origins(side, tile, step):
    if side <= tile:
        return [0]
    count = math.ceil((side - tile) / step) + 1
    return [min(i * step, side - tile) for i in range(count)]


def cut(name, tile=32, overlap=0, bands=None, stretch=None, pad=False, clouds=None):
    with rasterio.open(f"{HERE}/{name}.tif") as src:
        bands = bands or ([1, 2, 3] if src.count >= 3 else [1])
        raw = src.read(bands)
        palette = src.colormap(1) if src.colorinterp[0] == ColorInterp.palette else None
        if palette:
            lut = np.zeros((256, 4), "uint8")
            for k, v in palette.items():
                lut[k] = v
            valid = lut[raw[0], 3] > 0
            picture = np.moveaxis(lut[raw[0], :3], -1, 0)
        else:
            valid = dataset_valid(src, bands, raw)
            ranges = None
            if stretch and stretch[0] == "percentile":
                ranges = [tuple(np.percentile(b[valid].astype("float64"), stretch[1:])) for b in raw]
            elif stretch:
                ranges = [stretch[1:]] * len(bands)
            planes = []
            for k, b in enumerate(raw):
                v = b.astype("float32")
                if ranges:
                    low, high = ranges[k]
                    v = v * np.float32(255 / (high - low)) + np.float32(-low * 255 / (high - low))
                planes.append(np.rint(np.clip(np.nan_to_num(v, nan=0.0), 0, 255)).astype("uint8"))
            picture = np.stack(planes if len(planes) == 3 else planes * 3)
        cloudy = None
        if clouds:
            cloudy = np.isin(src.read(clouds["band"]), clouds["classes"])
    step = tile - overlap
    tiles = []
    ys, xs = (origins(H, tile, step), origins(W, tile, step))
    if pad:
        ys, xs = ([i * step for i in range(len(o))] for o in (ys, xs))
    for y in ys:
        for x in xs:
            v = np.zeros((tile, tile), bool)
            p = np.zeros((3, tile, tile), "uint8")
            h, w = min(tile, H - y), min(tile, W - x)
            v[:h, :w] = valid[y:y + h, x:x + w]
            p[:, :h, :w] = picture[:, y:y + h, x:x + w]
            n = int(v.sum())
            entry = dict(x=x, y=y, valid=n / (tile * tile), digest=None, cloud=None)
            if n:
                for c in range(3):
                    total = int(p[c][v].astype("int64").sum())
                    p[c][~v] = (total + n // 2) // n
                entry["digest"] = hashlib.sha256(np.moveaxis(p, 0, -1).tobytes()).hexdigest()
                if cloudy is not None:
                    c = np.zeros((tile, tile), bool); c[:h, :w] = cloudy[y:y + h, x:x + w]
                    entry["cloud"] = int((c & v).sum()) / n
            tiles.append(entry)
    options = dict(tileSize=tile, overlap=overlap, edge="pad" if pad else "shift",
                   bands=",".join(map(str, bands)),
                   stretch=f"{stretch[0]}:{stretch[1]},{stretch[2]}" if stretch else "none",
                   cloud=f"{clouds['band']}:" + ",".join(map(str, clouds["classes"])) if clouds else None)
    return dict(scene=f"{name}.tif", options=options, tiles=tiles)


cuts = [
    cut("rgb8"), cut("rgb8", tile=20, overlap=7), cut("rgb8", pad=True), cut("rgb8", tile=100),
    cut("rgb8", bands=[3, 1, 1]), cut("rgb8", bands=[2], stretch=("range", 50, 200)),
    cut("rgb8_nodata"), cut("rgb8_nodata", pad=True), cut("rgb8_mask"), cut("rgb8_sidemask"),
    cut("u16_alpha", stretch=("range", 0, 9000)), cut("u16_alpha", stretch=("percentile", 2, 98)),
    cut("i16_nodata", stretch=("percentile", 2, 98)), cut("i16_nodata", stretch=("range", -100, 3000), overlap=16),
    cut("f32_nan", stretch=("percentile", 5, 95)), cut("f64", stretch=("percentile", 2, 98)),
    cut("palette"), cut("u16_classes", stretch=("range", 0, 9000), clouds=dict(band=4, classes=[3, 9])),
]


def dense_outline(epsg, affine, width, height, n=3000):
    """Area, centroid and bounds of the window's outline with thousands of points, longitudes unrolled."""
    t = np.linspace(0, 1, n, endpoint=False)
    px = np.concatenate([t * width, np.full(n, width), (1 - t) * width, np.zeros(n)])
    py = np.concatenate([np.zeros(n), t * height, np.full(n, height), (1 - t) * height])
    x, y = affine * (px, py)
    lon, lat = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True).transform(x, y)
    lon = np.degrees(np.unwrap(np.radians(lon)))
    polygon = shapely.Polygon(np.column_stack([lon, lat]))
    assert polygon.is_valid
    c = polygon.centroid
    return dict(epsg=epsg, geoTransform=list(affine.to_gdal()), width=width, height=height, area=polygon.area,
                centroid=[(c.x + 180) % 360 - 180, c.y], south=polygon.bounds[1], north=polygon.bounds[3],
                west=(polygon.bounds[0] + 180) % 360 - 180, east=(polygon.bounds[2] + 180) % 360 - 180)


outlines = [
    dense_outline(32633, Affine(10, 0, 399960, 0, -10, 5300040), 10980, 10980),
    dense_outline(32633, Affine(10, 0, 399960, 0, -10, 5300040), 256, 256),
    dense_outline(32601, Affine(60, 0, 180000, 0, -60, 7200000), 1830, 1830),
    dense_outline(3031, Affine(500, 0, 500000, 0, -500, 1500000), 2000, 2000),
    dense_outline(3413, Affine(5000, 0, -2000000, 0, -5000, -1000000), 800, 200),
    dense_outline(2193, Affine(1000, 0, 2050000, 0, -1000, 5800000), 300, 300),
    dense_outline(5070, Affine(30, 0, -2000000, 0, -30, 3000000), 5000, 5000),
    dense_outline(3857, Affine(100, 0, 19900000, 0, -100, 100000), 3000, 2000),
    dense_outline(4326, Affine(0.1, 0, 175, 0, -0.1, 10), 100, 100),
    dense_outline(4269, Affine(0.001, 0.0005, -100, 0.0005, -0.001, 40), 512, 512),
    dense_outline(3577, Affine(25, 0, 1500000, 0, 25, -4000000), 4000, 4000),
]

json.dump(dict(cuts=cuts, outlines=outlines), open(f"{HERE}/references.json", "w"), indent=0)
