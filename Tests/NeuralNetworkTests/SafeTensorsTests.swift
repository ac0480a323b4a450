import Foundation
import Testing

@testable import NeuralNetwork

@Suite struct SafeTensorsTests {
    @Test(arguments: SafeTensors.DType.allCases)
    func whatIsWrittenIsRead(_ dtype: SafeTensors.DType) throws {
        let values: [Float] = [0, 1, -2.5, 0.125, 1024, -0.0078125]  // exact in every type
        let data = try SafeTensors.encode(
            ["b": .init(shape: [2, 3], values: values, dtype: dtype), "a": .init(shape: [1], values: [7])],
            metadata: ["name": "x"])
        let file = try SafeTensors(data: data, path: "test")
        #expect(try file.values("b", shape: [2, 3]) == values)
        #expect(file.metadata == ["name": "x"])
        #expect(file.entries["b"]?.dtype == dtype)
        #expect(throws: ModelFileError.self) { try file.values("b", shape: [3, 2]) }
        #expect(throws: ModelFileError.self) { try file.values("c", shape: [1]) }
    }

    /// 70,000 is a number, and none in float16.
    @Test(arguments: [(Float.nan, SafeTensors.DType.float32), (-.infinity, .bfloat16), (70000, .float16)])
    func valuesThatAreNotFiniteAreNotWritten(_ value: Float, _ dtype: SafeTensors.DType) throws {
        let path = NSTemporaryDirectory() + "weights-\(UUID().uuidString).safetensors"
        let tensors = ["a": SafeTensors.Content(shape: [1], values: [1]), "b": .init(shape: [2], values: [0, value], dtype: dtype)]
        let error = #expect(throws: ModelFileError.self) { try SafeTensors.write(tensors, metadata: [:], to: path) }
        #expect(error?.reason == "tensor b has a value that is not finite")
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func equalContentsGiveEqualBytes() throws {
        let tensors = ["x": SafeTensors.Content(shape: [2], values: [1, 2]), "y": .init(shape: [], values: [3])]
        #expect(
            try SafeTensors.encode(tensors, metadata: ["a": "1", "b": "2"])
                == SafeTensors.encode(tensors, metadata: ["b": "2", "a": "1"]))
    }

    @Test func halvesConvertExactly() {
        #if arch(arm64)
        #else
        for bits in stride(from: UInt16(0), to: 0x7c00, by: 1) { #expect(SafeTensors.halfBits(SafeTensors.half(bits)) == bits) }
        #endif
        #expect(SafeTensors.half(0x3c01) == 1.0009765625)
        #expect(SafeTensors.half(0x0001) == 0x1p-24)
        #expect(SafeTensors.half(0xfc00) == -.infinity)
        #expect(SafeTensors.half(0x7e00).isNaN)
    }

    @Test(arguments: [
        ("{}", 9, "after the last tensor"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "truncated"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "its shape needs 8"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 8, "overlaps"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "gap"),
        (#"{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#, 8, "is I64"),
        (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "impossible shape"),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#, 4, "impossible shape"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "impossible offsets"),
        (#"{"a":{"dtype":"F32","shape":"x","data_offsets":[0,4]}}"#, 4, "lacks"),
        (#"{"__metadata__":{"a":1}}"#, 0, "metadata"),
        ("[1]", 0, "not a JSON object"),
        ("{", 0, "not a JSON object"),
    ])
    func liesAreNamed(_ header: String, _ blockSize: Int, _ fault: String) throws {
        var data = Data()
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { data.append(contentsOf: $0) }
        data += Data(header.utf8) + Data(count: blockSize)
        let error = #expect(throws: ModelFileError.self) { try SafeTensors(data: data, path: "model.safetensors") }
        #expect(error?.description.contains(fault) == true, "\(error?.description ?? "no error")")
        #expect(error?.description.contains("model.safetensors") == true)
    }

    @Test(arguments: [0, 7, 8, 20]) func truncatedFilesAreRefused(_ length: Int) throws {
        let data = try SafeTensors.encode(["a": .init(shape: [4], values: [1, 2, 3, 4])], metadata: [:])
        #expect(throws: ModelFileError.self) { try SafeTensors(data: data.prefix(length), path: "x") }
        #expect(throws: ModelFileError.self) { try SafeTensors(data: data.dropLast(), path: "x") }
    }

    @Test func anAbsurdHeaderLengthIsNotBelieved() {
        let error = #expect(throws: ModelFileError.self) {
            try SafeTensors(data: Data(repeating: 0xff, count: 64), path: "x")
        }
        #expect(error?.reason.contains("not a safetensors file") == true)
    }

    @Test func missingFilesAreNamed() {
        let error = #expect(throws: ModelFileError.self) { try SafeTensors(path: "/nonexistent/m.safetensors") }
        #expect(error?.description.contains("/nonexistent/m.safetensors") == true)
    }
}
