import CGDAL

extension Dataset {
    /// The XML of a VRT that shows every band of each file, in the order given, as a band of its own: at the finest of their
    /// resolutions, over all that they cover, the nearest pixel of each. No pixel is copied.
    ///
    /// - Parameters:
    ///   - formats: GDAL's short names of the formats that the files may have; nil: any.
    ///   - metadata: kept in the VRT.
    /// - Throws: `GDALError` where a file does not open, is not placed by an upright grid, or lies in another coordinate system.
    public static func stackXML(of paths: [String], formats: [String]? = nil, metadata: [String: String] = [:]) throws -> String {
        let parts = try paths.map { path in
            let dataset = try Dataset(path: path, formats: formats)
            guard let transform = dataset.geoTransform, let reference = dataset.spatialReference, transform[1] > 0, transform[5] < 0,
                transform[2] == 0, transform[4] == 0
            else { throw GDALError(operation: "stack", thing: path, reason: "it does not lie upright in a coordinate system") }
            return (dataset: dataset, west: transform[0], north: transform[3], across: transform[1], down: -transform[5], reference: reference)
        }
        guard let first = parts.first else { throw GDALError(operation: "stack", thing: "bands", reason: "there are none") }
        for part in parts where !part.reference.isSame(as: first.reference) {
            throw GDALError(operation: "stack", thing: part.dataset.name, reason: "it lies in \(part.reference.name), \(first.dataset.name) in \(first.reference.name)")
        }
        let west = parts.map(\.west).min()!, north = parts.map(\.north).max()!
        let across = parts.map(\.across).min()!, down = parts.map(\.down).min()!
        let width = (parts.map { ($0.west + $0.across * Double($0.dataset.width) - west) / across }.max()!).rounded()
        let height = (parts.map { (north - $0.north + $0.down * Double($0.dataset.height)) / down }.max()!).rounded()
        guard let columns = Int32(exactly: width), let rows = Int32(exactly: height), columns > 0, rows > 0 else {
            throw GDALError(operation: "stack", thing: first.dataset.name, reason: "the bands lie too far apart")
        }
        var lines = [
            "<VRTDataset rasterXSize=\"\(columns)\" rasterYSize=\"\(rows)\">", "<SRS>\(escaped(first.reference.wkt))</SRS>",
            "<GeoTransform>\(west), \(across), 0, \(north), 0, \(-down)</GeoTransform>", "<Metadata>",
        ]
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { lines.append("<MDI key=\"\(escaped(key))\">\(escaped(value))</MDI>") }
        lines.append("</Metadata>")
        var number = 0
        for part in parts {
            let dataset = part.dataset
            for band in dataset.bands {
                number += 1
                guard let type = band.dataType else { throw GDALError(operation: "stack", thing: dataset.name, reason: "its samples' type is unknown") }
                lines.append("<VRTRasterBand dataType=\"\(type.rawValue)\" band=\"\(number)\">")
                // A single band is called grey by most formats, whatever it shows.
                if dataset.bandCount > 1, let color = band.colorInterpretation.gdalName { lines.append("<ColorInterp>\(color)</ColorInterp>") }
                if let noData = band.noData { lines.append("<NoDataValue>\(noData)</NoDataValue>") }
                lines += [
                    "<SimpleSource>", "<SourceFilename relativeToVRT=\"0\">\(escaped(dataset.name))</SourceFilename>", "<SourceBand>\(band.number)</SourceBand>",
                    "<SrcRect xOff=\"0\" yOff=\"0\" xSize=\"\(dataset.width)\" ySize=\"\(dataset.height)\"/>",
                    "<DstRect xOff=\"\((part.west - west) / across)\" yOff=\"\((north - part.north) / down)\" "
                        + "xSize=\"\(Double(dataset.width) * part.across / across)\" ySize=\"\(Double(dataset.height) * part.down / down)\"/>",
                    "</SimpleSource>", "</VRTRasterBand>",
                ]
            }
        }
        return (lines + ["</VRTDataset>"]).joined(separator: "\n") + "\n"
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }
}

extension RasterBand.ColorInterpretation {
    /// What a VRT calls it; nil where it says nothing of an image.
    fileprivate var gdalName: String? {
        switch self {
        case .red: "Red"
        case .green: "Green"
        case .blue: "Blue"
        case .alpha: "Alpha"
        default: nil
        }
    }
}
