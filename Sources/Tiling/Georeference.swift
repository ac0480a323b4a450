import GDAL
import TileGrid

/// What places a scene on the Earth.
struct Georeference {
    let reference: SpatialReference
    /// nil: by ground control points or RPCs, which only a warp makes a grid of.
    let geoTransform: GeoTransform?
    let placement: Dataset.Placement
    let projector: Projector
    /// The middle of the scene, in degrees.
    let centre: Point
    /// Side of a pixel in metres.
    let groundSampleDistance: Double

    /// - Throws: `TilingError` with code `notGeoreferenced` where something is missing, or has no place on the Earth.
    init(_ dataset: Dataset) throws {
        func refuse(_ reason: String) -> TilingError {
            TilingError(operation: "place", thing: dataset.name, reason: reason, code: .notGeoreferenced)
        }
        let own = dataset.geoTransform.map { GeoTransform($0[0], $0[1], $0[2], $0[3], $0[4], $0[5]) }
        let hasPoints = dataset.groundControlPointCount > 0 && dataset.groundControlPointReference != nil
        let rpc = dataset.metadata(domain: "RPC")
        let hasRPC = !rpc.isEmpty
        let reference: SpatialReference
        let map: GeoTransform
        let (width, height): (Int, Int)
        // Some writers state the identity beside control points or RPCs: it is no georeference.
        let isPlaceholder = own == .identity && (hasPoints || hasRPC)
        if let own, !isPlaceholder, let stated = dataset.spatialReference {
            guard own.isInvertible else { throw refuse("its geotransform has no area: \(own.coefficients)") }
            (reference, map, width, height) = (stated, own, dataset.width, dataset.height)
            geoTransform = own
            placement = .geoTransform
        } else if hasPoints || hasRPC {
            // Without a terrain model, the height in the middle of the polynomials' range is the best single one.
            let chosen: Dataset.Placement = hasPoints
                ? .controlPoints : .rationalPolynomials(height: rpc["HEIGHT_OFF"].flatMap(Double.init) ?? 0)
            placement = chosen
            let view = try raster(.notGeoreferenced) {
                try dataset.warped(to: .wgs84(), grid: nil, resampling: .nearest, placement: chosen)
            }
            guard let placed = view.geoTransform else { throw refuse("its control points give no grid") }
            map = GeoTransform(placed[0], placed[1], placed[2], placed[3], placed[4], placed[5])
            (width, height) = (view.width, view.height)
            reference = try raster(.notGeoreferenced) { try SpatialReference.wgs84() }
            geoTransform = nil
        } else if dataset.spatialReference == nil {
            throw refuse("it has no coordinate system (gdal_edit.py -a_srs EPSG:… adds one)")
        } else {
            throw refuse("it has a coordinate system but no geotransform, ground control points or RPCs")
        }
        do {
            projector = try Projector(reference)
        } catch let error as GDALError {
            throw refuse("its coordinate system “\(reference.name)” cannot be brought to WGS 84: \(error.reason)")
        }
        self.reference = geoTransform == nil ? dataset.groundControlPointReference ?? reference : reference
        let middle = projector.place([map.apply(Point(x: Double(width) / 2, y: Double(height) / 2))])[0]
        let side = GroundDistance.pixelSide(geoTransform: map, width: width, height: height, projector: projector)
        guard middle.isFinite, abs(middle.y) <= 90, let side else {
            throw refuse("its middle has no place on the Earth in “\(reference.name)”")
        }
        centre = middle
        groundSampleDistance = side
    }
}
