import CDNNL

/// Runs a oneDNN call and turns its status into an error.
func check(
    _ operation: @autoclosure () -> String, _ subject: @autoclosure () -> String, _ status: dnnl_status_t
) throws(KernelError) {
    guard status != dnnl_success else { return }
    throw KernelError(
        operation: operation(), subject: subject(), reason: String(cString: dnnl_status2str(status)),
        code: Int(status.rawValue))
}
