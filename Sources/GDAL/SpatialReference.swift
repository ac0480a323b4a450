import CGDAL

/// A coordinate system, always with x (easting, longitude) before y ("traditional GIS order"): what geotransforms,
/// GeoJSON and PostGIS use. Owns its OGRSpatialReferenceH.
public final class SpatialReference {
    let handle: OGRSpatialReferenceH

    private init(owning handle: OGRSpatialReferenceH) {
        self.handle = handle
        OSRSetAxisMappingStrategy(handle, OAMS_TRADITIONAL_GIS_ORDER)
    }

    /// The dataset's own is borrowed and dies with it: copy it.
    convenience init?(copying borrowed: OGRSpatialReferenceH) {
        guard let copy = OSRClone(borrowed) else { return nil }
        self.init(owning: copy)
    }

    /// - Parameter definition: `EPSG:32633`, WKT, PROJ text: what GDAL's SetFromUserInput takes, but no URL.
    public convenience init(_ definition: String) throws {
        GDALRuntime.started
        guard !GDALRuntime.isNetworkPath(definition) else {
            throw GDALError(operation: "use coordinate system", thing: definition, reason: "it is a network address")
        }
        CPLErrorReset()
        guard let handle = OSRNewSpatialReference(nil) else {
            throw GDALError.last("use coordinate system", definition)
        }
        guard OSRSetFromUserInput(handle, definition) == OGRERR_NONE else {
            OSRDestroySpatialReference(handle)
            throw GDALError.last("use coordinate system", definition, otherwise: "PROJ does not know it")
        }
        self.init(owning: handle)
    }

    public static func wgs84() throws -> SpatialReference { try SpatialReference("EPSG:4326") }

    deinit { OSRDestroySpatialReference(handle) }

    /// Its name, such as `WGS 84 / UTM zone 33N`.
    public var name: String {
        guard let name = OSRGetName(handle) else { return "unnamed" }
        let text = String(cString: name)
        return text.isEmpty ? "unnamed" : text
    }

    /// `EPSG:32633` where the system says which it is.
    public var authorityCode: String? {
        guard let authority = OSRGetAuthorityName(handle, nil), let code = OSRGetAuthorityCode(handle, nil) else {
            return nil
        }
        return "\(String(cString: authority)):\(String(cString: code))"
    }

    /// WKT 2 (2019), on one line.
    public var wkt: String {
        var text: UnsafeMutablePointer<CChar>?
        let format = "FORMAT=WKT2_2019"
        let exported = format.withCString { option -> Bool in
            var options: [UnsafePointer<CChar>?] = [option, nil]
            return OSRExportToWktEx(handle, &text, &options) == OGRERR_NONE
        }
        defer { VSIFree(text) }
        guard exported, let text else { return "" }
        return String(cString: text)
    }

    public func isSame(as other: SpatialReference) -> Bool { OSRIsSame(handle, other.handle) != 0 }

    public var isGeographic: Bool { OSRIsGeographic(handle) != 0 }
    public var isProjected: Bool { OSRIsProjected(handle) != 0 }
    /// The projection's name in WKT 1 (`Transverse_Mercator`, `Sinusoidal` …); nil for geographic systems.
    public var projection: String? {
        OSRGetAttrValue(handle, "PROJECTION", 0).map { String(cString: $0) }
    }

    /// Metres in one unit of a projected system.
    public var metresPerUnit: Double { OSRGetLinearUnits(handle, nil) }

    /// Degrees in one unit of a geographic system (grads and radians occur).
    public var degreesPerUnit: Double { OSRGetAngularUnits(handle, nil) * 180 / .pi }
}
