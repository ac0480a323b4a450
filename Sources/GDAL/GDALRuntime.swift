import CGDAL
import Synchronization

/// GDAL's process-wide state: drivers, options and the block cache.
public enum GDALRuntime {
    /// Decoded blocks that GDAL keeps for all datasets together: two rows of 512-pixel blocks, 15,000 pixels wide, in
    /// 8-bit RGB. GDAL's own default, 5 % of the machine, is no number that a batch job can plan with.
    public static let defaultBlockCacheBytes = 48 << 20

    /// Raster drivers that fetch over the network or a database connection. A scene is a file: none is wanted, and a
    /// file may name a service in a few bytes of XML.
    private static let networkDrivers = [
        "HTTP", "WMS", "WMTS", "WCS", "OGCAPI", "PLMOSAIC", "PLSCENES", "EEDA", "EEDAI", "DAAS", "NGW", "STACTA",
        "STACIT", "PostGISRaster", "GeoRaster", "JP2ECW_NET", "RIK_NET",
    ]
    /// Virtual file systems that fetch over the network.
    private static let networkFileSystems = [
        "/vsicurl", "/vsis3", "/vsigs", "/vsiaz", "/vsiadls", "/vsioss", "/vsiswift", "/vsihdfs", "/vsiwebhdfs",
    ]

    /// Registers the drivers once per process. Every entry point of this module touches it.
    static let started: Void = {
        CPLSetErrorHandler(CPLQuietErrorHandler)
        for (key, value) in [
            // A VRT inside the file system may still point at an URL: no name is allowed but this one.
            ("CPL_VSIL_CURL_ALLOWED_FILENAME", "tilescout-reads-no-network"),
            // …and may carry Python code: never run (GDAL's default, stated because scenes come from anywhere).
            ("GDAL_VRT_ENABLE_PYTHON", "NO"),
        ] {
            CPLSetConfigOption(key, value)
        }
        OSRSetPROJEnableNetwork(0)
        GDALAllRegister()
        for name in networkDrivers {
            if let driver = GDALGetDriverByName(name) { GDALDeregisterDriver(driver) }
        }
        GDALSetCacheMax64(Int64(defaultBlockCacheBytes))
    }()

    /// Takes every other format from this process, for good: GDAL itself opens what lies beside a file or behind a name in one.
    public static func keepFormats(_ names: [String]) {
        started
        for index in (0..<GDALGetDriverCount()).reversed() {
            guard let driver = GDALGetDriver(index), let name = GDALGetDriverShortName(driver) else { continue }
            if !names.contains(String(cString: name)) { GDALDeregisterDriver(driver) }
        }
    }

    /// GDAL's release, such as `3.6.2`.
    public static var version: String {
        started
        return String(cString: GDALVersionInfo("RELEASE_NAME"))
    }

    /// What the cache may hold: always, and for the scenes that have asked for more while they are open.
    private static let room = Mutex<(always: Int, reserved: Int)>((defaultBlockCacheBytes, 0))

    /// Bounds the decoded blocks that GDAL keeps, for all datasets of the process; reservations come on top.
    public static func setBlockCache(bytes: Int) {
        changeRoom { $0.always = max(bytes, 1 << 20) }
    }

    /// Decoded blocks that GDAL keeps for any scene, without what single scenes reserve.
    public static var blockCacheBytes: Int {
        started
        return room.withLock { $0.always }
    }

    static func reserveBlockCache(bytes: Int) {
        changeRoom { $0.reserved += bytes }
    }

    private static func changeRoom(_ body: (inout (always: Int, reserved: Int)) -> Void) {
        started
        room.withLock { room in
            body(&room)
            GDALSetCacheMax64(Int64(room.always + room.reserved))
        }
    }

    /// Whether a path names something beyond this machine: a URL, or one of GDAL's network file systems, alone or
    /// inside another (`/vsizip//vsicurl/…`).
    public static func isNetworkPath(_ path: String) -> Bool {
        let lower = path.lowercased()
        return networkFileSystems.contains { lower.contains($0) }
            || ["http://", "https://", "ftp://"].contains { lower.contains($0) }
    }
}
