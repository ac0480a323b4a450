import Foundation
import GDAL
import TileGrid

extension SceneCutter {
    /// The name under which a tile is written: the scene's, the window's corner, and enough of the id to tell apart
    /// scenes of one name.
    public func fileName(ofTile index: Int) -> String {
        let window = layout[index]
        let stem = ((info.path as NSString).lastPathComponent as NSString).deletingPathExtension
        return "\(stem)_x\(window.x)_y\(window.y)_\(tileID(index).description.prefix(8)).tif"
    }

    /// Writes one tile as a georeferenced GeoTIFF: DEFLATE, the scene's sample type and the image's bands, with nodata,
    /// mask or alpha, palette and band descriptions; the part inside the raster where the window reaches past it. The
    /// file appears whole or not at all.
    ///
    /// - Returns: its path.
    /// - Throws: `TilingError`, code `damaged` or `notWritten`.
    @discardableResult
    public func writeTile(_ index: Int, toDirectory directory: String) throws -> String {
        let window = layout[index].clipped(toWidth: layout.rasterWidth, height: layout.rasterHeight)
        let path = (directory as NSString).appendingPathComponent(fileName(ofTile: index))
        // Of this call alone: another thread may be writing a tile of this name.
        let partial = path + Self.partialMark + UUID().uuidString
        var metadata = ["TILESCOUT_TILE": tileID(index).description, "TILESCOUT_SCENE": info.fingerprint.sha256]
        if let acquired = info.acquired, acquired.precision == .second || acquired.precision == .day {
            metadata["TIFFTAG_DATETIME"] = Self.tiffTime(acquired.instant)
        }
        let region = RasterRegion(x: window.x, y: window.y, width: window.width, height: window.height)
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try windowCopier().copy(region, metadata: metadata, path: partial)
            // rename(2) replaces a file of that name in one step.
            guard rename(partial, path) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        } catch let error as GDALError {
            try? FileManager.default.removeItem(atPath: partial)
            throw TilingError(error, code: .notWritten)
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw TilingError(
                operation: "write tile", thing: path, reason: FileStatus.reason(of: error), code: .notWritten)
        }
        return path
    }

    private static let partialMark = ".partial-"

    /// Removes what calls of `writeTile` that were killed left half-written in a folder, once it is a day old: another may be writing there.
    public static func removeAbandonedTiles(inDirectory directory: String) {
        let yesterday = Int(Date(timeIntervalSinceNow: -86_400).timeIntervalSince1970) * 1_000_000_000
        for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
            guard let mark = name.range(of: ".tif" + partialMark), UUID(uuidString: String(name[mark.upperBound...])) != nil else { continue }
            let path = (directory as NSString).appendingPathComponent(name)
            if let status = try? FileStatus(path: path), status.modifiedNanoseconds < yesterday { unlink(path) }
        }
    }

    /// Made with the first tile: most cutters write none.
    private func windowCopier() throws -> WindowCopier {
        if let copier { return copier }
        let made = try WindowCopier(scene.view, bands: scene.viewPlan.bands)
        copier = made
        return made
    }

    /// `2017:08:31 17:09:22`, in UTC (TIFF 6.0, tag 306).
    private static func tiffTime(_ instant: Date) -> String {
        let (days, seconds) = Int(instant.timeIntervalSince1970.rounded(.down)).flooredDivision(by: 86400)
        let day = CivilDay(daysSince1970: days)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(day.year):\(two(day.month)):\(two(day.day)) "
            + "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
    }
}

extension Int {
    fileprivate func flooredDivision(by divisor: Int) -> (Int, Int) {
        let remainder = ((self % divisor) + divisor) % divisor
        return ((self - remainder) / divisor, remainder)
    }
}
