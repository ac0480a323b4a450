import Foundation
import Testing

@testable import Ingest

@Suite("NumPy files")
struct NumPyWriterTests {
    private let path = NSTemporaryDirectory() + "matrix-\(UUID().uuidString).npy"

    @Test("The bytes are those that numpy.save writes for the same matrix, but for the padding of the header")
    func bytes() throws {
        defer { unlink(path) }
        let writer = try NumPyWriter(path: path, columns: 2)
        try writer.append([1, -2])
        try writer.append([0.5, 3, 4, 5])
        #expect(!FileManager.default.fileExists(atPath: path))
        try writer.finish()
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        // numpy.lib.format: magic, version 1.0, length of the header that brings the data to a multiple of 64.
        #expect(Array(data.prefix(8)) == [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0])
        let headerLength = Int(data[8]) | Int(data[9]) << 8
        #expect((10 + headerLength) % 64 == 0)
        let header = String(decoding: data[10..<10 + headerLength], as: UTF8.self)
        #expect(header.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"))
        #expect(header.hasSuffix("\n"))
        let values: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0, 0, 0, 0x3F, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40, 0, 0, 0xA0, 0x40]
        #expect(Array(data.suffix(from: 10 + headerLength)) == values)
    }

    @Test("A writer that is given up leaves no file")
    func abandoned() throws {
        do {
            let writer = try NumPyWriter(path: path, columns: 1)
            try writer.append([1])
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        let name = URL(fileURLWithPath: path).lastPathComponent
        #expect(try !FileManager.default.contentsOfDirectory(atPath: folder.path).contains { $0.hasPrefix(name) })
    }

    @Test("A folder that is not there is named")
    func unwritable() {
        let error = #expect(throws: IngestError.self) { try NumPyWriter(path: "/nowhere/x.npy", columns: 1) }
        #expect(error?.description.contains("/nowhere/x.npy") == true)
    }
}
