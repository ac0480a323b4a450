import CGDAL

/// The first error that GDAL raised during a call. `CPLGetLastErrorMsg` keeps the last one, which is often a consequence.
struct FirstFailure {
    var message: String
    var code: Int

    /// Runs a call with a handler of its own, on this thread (cpl_error.h, CPLPushErrorHandlerEx).
    static func during<Result>(_ body: () -> Result) -> (Result, FirstFailure?) {
        var first: FirstFailure?
        let result = withUnsafeMutablePointer(to: &first) { pointer in
            CPLPushErrorHandlerEx(
                { level, code, message in
                    guard level == CE_Failure, let message,
                        let slot = CPLGetErrorHandlerUserData()?.assumingMemoryBound(to: FirstFailure?.self),
                        slot.pointee == nil
                    else { return }
                    slot.pointee = FirstFailure(message: String(cString: message), code: Int(code))
                }, pointer)
            defer { CPLPopErrorHandler() }
            return body()
        }
        return (result, first)
    }
}
