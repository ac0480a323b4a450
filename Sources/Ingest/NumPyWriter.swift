import Foundation

/// Writes a float32 matrix of shape rows × columns as a NumPy `.npy` file, row by row.
///
/// The file appears under its name when it is complete, and not before. Source: NEP 1, "A Simple File Format for NumPy
/// Arrays", version 1.0: the header is padded so that the row count, known only at the end, fits where it was left open.
public final class NumPyWriter {
    private static let headerLength = 128

    private let path: String
    private let partialPath: String
    private let file: FileHandle
    public let columns: Int
    public private(set) var rows = 0
    private var isFinished = false

    /// - Throws: `IngestError` where the file cannot be made.
    public init(path: String, columns: Int) throws {
        self.path = path
        self.columns = columns
        partialPath = path + ".partial-\(getpid())"
        guard FileManager.default.createFile(atPath: partialPath, contents: nil),
            let file = FileHandle(forWritingAtPath: partialPath)
        else {
            throw IngestError(.output, "write \(path)", reason: String(cString: strerror(errno)))
        }
        self.file = file
        try write(Data(count: Self.headerLength))
    }

    deinit {
        try? file.close()
        if !isFinished { unlink(partialPath) }
    }

    /// - Parameter values: whole rows, one after the other.
    public func append(_ values: [Float]) throws {
        precondition(values.count % columns == 0, "whole rows only")
        var data = Data(capacity: values.count * 4)
        for value in values {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
        }
        try write(data)
        rows += values.count / columns
    }

    /// Fills in the header, makes the bytes durable and gives the file its name.
    public func finish() throws {
        let dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows), \(columns)), }"
        var header = Data([0x93] + Array("NUMPY".utf8) + [1, 0])
        let textLength = Self.headerLength - 10
        header.append(contentsOf: [UInt8(textLength & 0xFF), UInt8(textLength >> 8)])
        let padding = String(repeating: " ", count: textLength - dictionary.utf8.count - 1)
        header.append(Data((dictionary + padding + "\n").utf8))
        do {
            try file.seek(toOffset: 0)
            try file.write(contentsOf: header)
            try file.synchronize()
            try file.close()
        } catch {
            throw IngestError(.output, "write \(path)", reason: "\(error.localizedDescription)")
        }
        guard rename(partialPath, path) == 0 else {
            throw IngestError(.output, "write \(path)", reason: String(cString: strerror(errno)))
        }
        isFinished = true
    }

    private func write(_ data: Data) throws {
        do {
            try file.write(contentsOf: data)
        } catch {
            throw IngestError(.output, "write \(path)", reason: "\(error.localizedDescription)")
        }
    }
}
