import CGDAL

extension Dataset {
    /// Writes a VRT that shows the first band of each file as a band of its own, at the finest of their resolutions
    /// (gdalbuildvrt -separate -resolution highest). No pixel is copied.
    ///
    /// - Throws: `GDALError` where a file does not open, or they do not lie in one coordinate system.
    public static func writeStack(of paths: [String], to path: String) throws {
        GDALRuntime.started
        let operation = "stack bands in"
        if let network = paths.first(where: GDALRuntime.isNetworkPath) {
            throw GDALError(operation: operation, thing: path, reason: "\(network) lies on the network, which is not allowed")
        }
        func list(_ strings: [String]) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
            strings.reduce(nil) { CSLAddString($0, $1) }
        }
        let (names, arguments) = (list(paths), list(["-separate", "-resolution", "highest"]))
        defer {
            CSLDestroy(names)
            CSLDestroy(arguments)
        }
        CPLErrorReset()
        guard let options = GDALBuildVRTOptionsNew(arguments, nil) else {
            throw GDALError.last(operation, path, otherwise: "GDAL refuses the options")
        }
        defer { GDALBuildVRTOptionsFree(options) }
        var usage: Int32 = 0
        // The array of datasets wants pointers that are not const, the one of names does not write to them.
        let stack = names.flatMap { names in
            names.withMemoryRebound(to: UnsafePointer<CChar>?.self, capacity: paths.count) {
                GDALBuildVRT(path, Int32(paths.count), nil, $0, options, &usage)
            }
        }
        guard let stack, usage == 0 else { throw GDALError.last(operation, path, otherwise: "its bands do not fit together") }
        let bands = Int(GDALGetRasterCount(stack))
        GDALClose(stack)
        // GDAL leaves out, with a warning, a file in another coordinate system.
        guard bands == paths.count else {
            throw GDALError.last(operation, path, otherwise: "\(paths.count - bands) of its files do not fit the first")
        }
    }
}
