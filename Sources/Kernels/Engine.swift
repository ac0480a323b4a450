import CDNNL

/// The CPU as oneDNN sees it, with one in-order stream. Use it from one thread at a time.
///
/// Where several threads compute side by side, each has an engine of its own and says first how many OpenMP
/// threads its primitives may use (`threads: 1` then): OpenMP keeps that number per calling thread, and primitives
/// are created for it.
public final class Engine {
    let handle: dnnl_engine_t
    let stream: dnnl_stream_t

    /// - Parameter threads: how many threads the primitives created and run by the calling thread use.
    /// - Throws: `KernelError` where oneDNN has no CPU engine.
    public init(threads: Int) throws {
        precondition(threads > 0, "\(threads) threads")
        omp_set_num_threads(Int32(threads))
        var engine: dnnl_engine_t?
        try check("create an engine", "CPU", dnnl_engine_create(&engine, dnnl_cpu, 0))
        var stream: dnnl_stream_t?
        let status = dnnl_stream_create(&stream, engine, UInt32(dnnl_stream_in_order.rawValue))
        guard status == dnnl_success, let engine, let stream else {
            dnnl_engine_destroy(engine)
            throw KernelError(
                operation: "create a stream", subject: "CPU", reason: String(cString: dnnl_status2str(status)),
                code: Int(status.rawValue))
        }
        self.handle = engine
        self.stream = stream
    }

    deinit {
        dnnl_stream_destroy(stream)
        dnnl_engine_destroy(handle)
    }
}
