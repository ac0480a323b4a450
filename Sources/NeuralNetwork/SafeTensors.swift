import Foundation

/// The contents of a safetensors file: named tensors and text metadata.
///
/// Format: 8 bytes of little-endian header length, a JSON header, the tensors' bytes in one block
/// (https://huggingface.co/docs/safetensors). The reader is strict: the tensors must fill the block exactly, without
/// gap or overlap, and each must have as many bytes as its shape says.
public struct SafeTensors: Sendable {
    /// Element types that weights come in; others are refused.
    public enum DType: String, Sendable, CaseIterable {
        case float32 = "F32", float16 = "F16", bfloat16 = "BF16"
        var size: Int { self == .float32 ? 4 : 2 }
    }

    /// A tensor's description: its type, extents (outermost first) and place in the block.
    public struct Entry: Hashable, Sendable {
        public let dtype: DType
        public let shape: [Int]
        let range: Range<Int>
        public var elementCount: Int { shape.reduce(1, *) }
    }

    /// A longer header than any network needs is taken for a lie.
    static let maximumHeaderLength = 16 << 20

    public let metadata: [String: String]
    public let entries: [String: Entry]
    public let path: String
    private let block: Data

    /// Reads a file.
    /// - Throws: `ModelFileError` that names the file and the fault.
    public init(path: String) throws {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw ModelFileError(
                operation: "read weights", path: path, reason: (error as NSError).localizedDescription)
        }
        try self.init(data: data, path: path)
    }

    /// Reads a file's bytes; `path` only names them in errors.
    public init(data: Data, path: String) throws {
        func refuse(_ reason: String) -> ModelFileError {
            ModelFileError(operation: "read weights", path: path, reason: reason)
        }
        let data = data.startIndex == 0 ? data : Data(data)
        guard data.count >= 8 else { throw refuse("\(data.count) bytes are too few for a safetensors file") }
        let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(SafeTensors.maximumHeaderLength) else {
            throw refuse("not a safetensors file: a header of \(length) bytes")
        }
        guard Int(length) <= data.count - 8 else {
            throw refuse("truncated: a header of \(length) bytes in a file of \(data.count)")
        }
        block = data.subdata(in: 8 + Int(length)..<data.count)
        guard
            let header = try? JSONSerialization.jsonObject(with: data.subdata(in: 8..<8 + Int(length))),
            let header = header as? [String: Any]
        else { throw refuse("the header is not a JSON object") }

        var metadata: [String: String] = [:], entries: [String: Entry] = [:]
        for (name, value) in header {
            if name == "__metadata__" {
                guard let text = value as? [String: String] else { throw refuse("the metadata are not text") }
                metadata = text
            } else {
                entries[name] = try SafeTensors.entry(value, name, refuse)
            }
        }
        var end = 0
        for (name, entry) in entries.sorted(by: { ($0.value.range.lowerBound, $0.key) < ($1.value.range.lowerBound, $1.key) }) {
            guard entry.range.lowerBound == end else {
                let fault = entry.range.lowerBound < end ? "overlaps the tensor before it" : "leaves a gap before it"
                throw refuse("tensor \(name) \(fault)")
            }
            end = entry.range.upperBound
        }
        guard end <= block.count else {
            throw refuse("truncated: the tensors take \(end) bytes, the file has \(block.count)")
        }
        guard end == block.count else { throw refuse("\(block.count - end) bytes after the last tensor") }
        self.metadata = metadata
        self.entries = entries
        self.path = path
    }

    private static func entry(_ value: Any, _ name: String, _ refuse: (String) -> ModelFileError) throws -> Entry {
        guard
            let value = value as? [String: Any], let type = value["dtype"] as? String,
            let shape = (value["shape"] as? [Any])?.map({ $0 as? Int }),
            let offsets = (value["data_offsets"] as? [Any])?.map({ $0 as? Int })
        else { throw refuse("tensor \(name) lacks its dtype, shape or data_offsets") }
        guard let dtype = DType(rawValue: type) else {
            throw refuse("tensor \(name) is \(type); F32, F16 and BF16 are known")
        }
        guard offsets.count == 2, let from = offsets[0], let to = offsets[1], from >= 0, from <= to else {
            throw refuse("tensor \(name) has impossible offsets")
        }
        var bytes = dtype.size
        for extent in shape {
            guard let extent, extent >= 0 else { throw refuse("tensor \(name) has an impossible shape") }
            let (product, overflow) = bytes.multipliedReportingOverflow(by: extent)
            guard !overflow else { throw refuse("tensor \(name) has an impossible shape") }
            bytes = product
        }
        guard bytes == to - from else {
            throw refuse("tensor \(name) has \(to - from) bytes, its shape needs \(bytes)")
        }
        return Entry(dtype: dtype, shape: shape.map { $0! }, range: from..<to)
    }

    /// A tensor's elements as float32, row-major.
    /// - Parameter shape: what the caller needs; another shape is an error.
    public func values(_ name: String, shape: [Int]) throws -> [Float] {
        guard let entry = entries[name] else {
            throw ModelFileError(operation: "use weights", path: path, reason: "no tensor \(name)")
        }
        guard entry.shape == shape else {
            throw ModelFileError(
                operation: "use weights", path: path, reason: "tensor \(name) is \(entry.shape), not \(shape)")
        }
        return block.withUnsafeBytes { block in
            let raw = UnsafeRawBufferPointer(rebasing: block[entry.range])
            return [Float](unsafeUninitializedCapacity: entry.elementCount) { out, count in
                for i in 0..<entry.elementCount {
                    let value: Float
                    switch entry.dtype {
                    case .float32:
                        value = Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self)))
                    case .float16:
                        value = SafeTensors.half(UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)))
                    case .bfloat16:
                        let bits = UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self))
                        value = Float(bitPattern: UInt32(bits) << 16)
                    }
                    (out.baseAddress! + i).initialize(to: value)
                }
                count = entry.elementCount
            }
        }
    }

    /// What is wrong with the first tensor, by name, that holds NaN or an infinity; nil where there is none.
    public func nonFiniteTensor() throws -> String? {
        try entries.sorted { $0.key < $1.key }
            .first { name, entry in try values(name, shape: entry.shape).contains { !$0.isFinite } }
            .map { "tensor \($0.key) has a value that is not finite" }
    }

    /// IEEE binary16 to binary32, exactly.
    static func half(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 0x1f, fraction = UInt32(bits & 0x3ff)
        switch exponent {
        case 0:
            let magnitude = Float(fraction) * 0x1p-24
            return sign == 0 ? magnitude : -magnitude
        case 31: return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}
