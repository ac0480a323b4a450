import Foundation
import GDAL

/// Finds a scene's acquisition time: TIFF tag, metadata, STAC item or sidecar beside it, file name; the first that
/// has one.
struct AcquisitionReader {
    /// Domain (empty: the default one) and key, in the order asked; two keys are date and time of day.
    private static let metadataKeys: [(domain: String, keys: [String])] = [
        ("IMAGERY", ["ACQUISITIONDATETIME"]),
        ("", ["ACQUISITIONDATETIME"]), ("", ["ACQUISITION_DATETIME"]),
        ("", ["DATE_ACQUIRED", "SCENE_CENTER_TIME"]),
        ("", ["DATATAKE_1_DATATAKE_SENSING_START"]), ("", ["PRODUCT_START_TIME"]), ("", ["SENSING_TIME"]),
        ("", ["RANGEBEGINNINGDATE", "RANGEBEGINNINGTIME"]),
        ("", ["acquired"]), ("", ["datetime"]), ("", ["start_datetime"]), ("", ["acquisition_time"]),
        ("", ["NITF_IDATIM"]), ("", ["EXIF_DateTimeOriginal"]), ("", ["ACQUISITION_DATE"]), ("", ["acquisition_date"]),
        ("IMD", ["IMAGE_1.firstLineTime"]), ("IMD", ["firstLineTime"]),
    ]
    /// A directory's other JSON files are looked into, as far as these go.
    private static let mostSiblings = 200
    private static let largestJSON = 4 << 20

    let path: String
    let dataset: Dataset

    func read() -> Acquisition? {
        fromTag() ?? fromMetadata() ?? fromJSON() ?? FileNameDate.acquisition(of: path)
    }

    private func fromTag() -> Acquisition? {
        guard let parsed = dataset.metadata()["TIFFTAG_DATETIME"].flatMap(TimeText.parse) else { return nil }
        return Acquisition(
            instant: parsed.instant, source: .tiffTag, precision: parsed.precision, origin: "TIFFTAG_DATETIME")
    }

    private func fromMetadata() -> Acquisition? {
        var domains: [String: [String: String]] = [:]
        for (domain, keys) in Self.metadataKeys {
            let values = domains[domain] ?? dataset.metadata(domain: domain.isEmpty ? nil : domain)
            domains[domain] = values
            guard let date = values[keys[0]] else { continue }
            let time = keys.count > 1 ? values[keys[1]] : nil
            guard let parsed = time.flatMap({ TimeText.parse("\(date)T\($0)") }) ?? TimeText.parse(date) else { continue }
            return Acquisition(
                instant: parsed.instant, source: .metadata, precision: parsed.precision,
                origin: (domain.isEmpty ? "" : domain + "/") + keys[0])
        }
        return nil
    }

    private func fromJSON() -> Acquisition? {
        let folder = (path as NSString).deletingLastPathComponent
        let name = (path as NSString).lastPathComponent
        let stem = (name as NSString).deletingPathExtension
        let own = ["\(stem).json", "\(stem)_stac.json", "\(stem).stac.json", "\(name).json", "\(stem)_metadata.json"]
        for candidate in own {
            if let found = acquisition(inJSON: candidate, folder: folder, mustName: nil) { return found }
        }
        // An item for several assets names them, and need not share their name.
        let listed = (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
        let siblings = listed.filter { $0.lowercased().hasSuffix(".json") || $0.lowercased().hasSuffix(".geojson") }
        for candidate in siblings.sorted().prefix(Self.mostSiblings) where !own.contains(candidate) {
            if let found = acquisition(inJSON: candidate, folder: folder, mustName: name) { return found }
        }
        return nil
    }

    private func acquisition(inJSON file: String, folder: String, mustName asset: String?) -> Acquisition? {
        let location = (folder as NSString).appendingPathComponent(file)
        guard let status = try? FileStatus(path: location), status.size <= Self.largestJSON,
            let data = FileManager.default.contents(atPath: location),
            let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
        else { return nil }
        if let asset, !Self.names(object, asset) { return nil }
        let properties = object["properties"] as? [String: Any] ?? object
        for key in ["datetime", "start_datetime", "acquired", "acquisition_date", "acquisitionDate", "date"] {
            guard let parsed = (properties[key] as? String).flatMap(TimeText.parse) else { continue }
            let isItem = object["type"] as? String == "Feature"
            return Acquisition(
                instant: parsed.instant, source: isItem ? .stacItem : .sidecar, precision: parsed.precision, origin: file)
        }
        return nil
    }

    /// Whether an asset of a STAC item points at a file of this name.
    private static func names(_ item: [String: Any], _ file: String) -> Bool {
        guard let assets = item["assets"] as? [String: Any] else { return false }
        return assets.values.contains { asset in
            guard let href = (asset as? [String: Any])?["href"] as? String else { return false }
            return href == file || href.hasSuffix("/" + file)
        }
    }
}
