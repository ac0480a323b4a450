import Foundation

/// Georeferenced scenes with structure that a tile can be told by, made with GDAL's own programs.
enum GeneratedScene {
    /// Writes an RGB GeoTIFF in UTM zone 33 north, 10 m a pixel: stripes whose direction and width change from place to
    /// place, in colours that `seed` picks.
    static func write(to path: String, width: Int, height: Int, seed: Int, west: Double = 500_000) throws {
        var pixels = Data(capacity: width * height * 3)
        for y in 0..<height {
            for x in 0..<width {
                let cell = (x / 64 + 7 * (y / 64) + seed) % 5
                let wave = sin(Double(x * (cell + 1) + y * (5 - cell)) / 9)
                for channel in 0..<3 { pixels.append(UInt8(128 + 100 * wave * Double((seed + channel + cell) % 4) / 3)) }
            }
        }
        let portable = path + ".ppm"
        defer { unlink(portable) }
        try (Data("P6\n\(width) \(height)\n255\n".utf8) + pixels).write(to: URL(fileURLWithPath: portable))
        let east = west + Double(width) * 10
        let south = 5_000_000 - Double(height) * 10
        try run("gdal_translate", [
            "-q", "-a_srs", "EPSG:32633", "-a_ullr", "\(west)", "5000000", "\(east)", "\(south)",
            "-mo", "TIFFTAG_DATETIME=2021:06:0\(1 + seed % 9) 10:00:00", "-co", "TILED=YES", portable, path,
        ])
    }

    static func run(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        try process.run()
        process.waitUntilExit()
        struct Failed: Error { let program: String }
        guard process.terminationStatus == 0 else { throw Failed(program: program) }
    }
}
