/// One operation of a compiled network, bound to the tensors that it reads and writes.
public protocol Step: AnyObject {
    /// Computes; allocates nothing.
    /// - Throws: `KernelError` where oneDNN fails.
    func execute() throws
}
