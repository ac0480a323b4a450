import Foundation

extension SafeTensors {
    /// A tensor to write, as float32 elements, row-major.
    public struct Content: Sendable {
        public let shape: [Int]
        public let values: [Float]
        public let dtype: DType

        public init(shape: [Int], values: [Float], dtype: DType = .float32) {
            precondition(shape.reduce(1, *) == values.count, "\(values.count) values for \(shape)")
            self.shape = shape
            self.values = values
            self.dtype = dtype
        }
    }

    /// The bytes of a file that holds these tensors, sorted by name: equal contents give equal bytes.
    public static func encode(_ tensors: [String: Content], metadata: [String: String]) throws -> Data {
        var header: [String: Any] = [:]
        if !metadata.isEmpty { header["__metadata__"] = metadata }
        var block = Data()
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            let start = block.count
            for value in tensor.values {
                switch tensor.dtype {
                case .float32: append(value.bitPattern, to: &block)
                case .float16: append(halfBits(value), to: &block)
                case .bfloat16: append(bfloatBits(value), to: &block)
                }
            }
            header[name] = [
                "dtype": tensor.dtype.rawValue, "shape": tensor.shape, "data_offsets": [start, block.count],
            ]
        }
        var text = try JSONSerialization.data(withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes])
        while text.count % 8 != 0 { text.append(0x20) }
        var file = Data()
        append(UInt64(text.count), to: &file)
        return file + text + block
    }

    /// Writes a file, whole or not at all, and flushed to the disk (Foundation's atomic writing does both).
    /// - Throws: `ModelFileError` (a value that is not finite, in float16 perhaps for its size; no such folder; full disk).
    public static func write(_ tensors: [String: Content], metadata: [String: String], to path: String) throws {
        func refuse(_ reason: String) -> ModelFileError {
            ModelFileError(operation: "write weights", path: path, reason: reason)
        }
        let data = try encode(tensors, metadata: metadata)
        if let fault = try SafeTensors(data: data, path: path).nonFiniteTensor() { throw refuse(fault) }
        do {
            try data.write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw refuse((error as NSError).localizedDescription)
        }
    }

    private static func append(_ value: some FixedWidthInteger, to data: inout Data) {
        withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
    }

    private static func bfloatBits(_ x: Float) -> UInt16 {
        let bits = x.bitPattern
        return x.isNaN ? UInt16(bits >> 16) | 0x40 : UInt16((bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
    }

    /// Binary32 to binary16, to nearest, ties to even; too large becomes infinity.
    static func halfBits(_ x: Float) -> UInt16 {
        let sign = UInt16(truncatingIfNeeded: x.bitPattern >> 16) & 0x8000
        let magnitude = x.magnitude
        if x.isNaN { return sign | 0x7e00 }
        if magnitude >= 65520 { return sign | 0x7c00 }
        if magnitude < 0x1p-14 {  // subnormal: units of 2⁻²⁴
            return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven))
        }
        let bits = magnitude.bitPattern &- (112 << 23)
        return sign | UInt16((bits &+ 0xfff &+ ((bits >> 13) & 1)) >> 13)
    }
}
