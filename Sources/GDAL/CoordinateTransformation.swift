import CGDAL

/// The way from one coordinate system to another. Owns its OGRCoordinateTransformationH.
///
/// One thread at a time, as PROJ contexts are (https://proj.org/development/threads.html): not Sendable.
public final class CoordinateTransformation {
    private let handle: OGRCoordinateTransformationH

    public init(from source: SpatialReference, to target: SpatialReference) throws {
        CPLErrorReset()
        guard let handle = OCTNewCoordinateTransformation(source.handle, target.handle) else {
            throw GDALError.last("transform", "\(source.name) to \(target.name)", otherwise: "PROJ knows no way")
        }
        self.handle = handle
    }

    deinit { OCTDestroyCoordinateTransformation(handle) }

    /// Transforms points in place; those that the target cannot hold become infinite.
    public func transform(x: inout [Double], y: inout [Double]) {
        precondition(x.count == y.count, "as many x as y")
        let count = x.count
        guard count > 0 else { return }
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: count) { success in
            success.initialize(repeating: 0)
            _ = OCTTransformEx(handle, Int32(count), &x, &y, nil, success.baseAddress)
            for index in 0..<count where success[index] == 0 {
                x[index] = .infinity
                y[index] = .infinity
            }
        }
    }
}
