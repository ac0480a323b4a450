import Foundation
import Testing

/// Decodes a file of Fixtures/, which the make_*.py beside it wrote.
func fixture<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
    let url = try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil), "no fixture \(name)")
    return try JSONDecoder().decode(type, from: Data(contentsOf: url))
}
