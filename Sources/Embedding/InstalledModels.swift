import Foundation
import NeuralNetwork

/// Where models are looked for, in this order: `$TILESCOUT_MODELS` (folders, colon-separated), `models/` of the working
/// directory's repository or beside the program, `models/` of the data folder.
///
/// The data folder is `$TILESCOUT_DATA`; without it `$XDG_DATA_HOME/tilescout` (`~/.local/share/tilescout`), and
/// `/var/lib/tilescout` before it for root, whose home the database's own user cannot enter.
public func modelSearchPath(
    environment: [String: String] = ProcessInfo.processInfo.environment,
    workingDirectory: String = FileManager.default.currentDirectoryPath,
    executable: String? = nil, isRoot: Bool = geteuid() == 0
) -> [String] {
    var folders = (environment["TILESCOUT_MODELS"] ?? "").split(separator: ":").map(String.init)
    for start in [workingDirectory, URL(fileURLWithPath: executable ?? ownExecutable).deletingLastPathComponent().path] {
        var folder = URL(fileURLWithPath: start).standardizedFileURL
        for _ in 0..<6 {  // deep enough for .build/x86_64-unknown-linux-gnu/release and a folder in Tests
            if FileManager.default.fileExists(atPath: folder.appendingPathComponent("Package.swift").path) {
                folders.append(folder.appendingPathComponent("models").path)
                break
            }
            folder.deleteLastPathComponent()
        }
        folders.append(URL(fileURLWithPath: start).appendingPathComponent("models").standardizedFileURL.path)
    }
    if let data = environment["TILESCOUT_DATA"], !data.isEmpty {
        folders.append("\(data)/models")
    } else {
        if isRoot { folders.append("/var/lib/tilescout/models") }
        let home = environment["XDG_DATA_HOME"] ?? "\(environment["HOME"] ?? NSHomeDirectory())/.local/share"
        folders.append("\(home)/tilescout/models")
    }
    var seen: Set<String> = []
    return folders.filter { seen.insert($0).inserted }
}

/// The path of this program's file, also where it was called by its bare name or as /proc/self/exe (proc(5)).
private let ownExecutable = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments.first ?? ""

/// The model files of the search path: the first of each file name wins. A file is not opened here.
public func installedModels(in folders: [String] = modelSearchPath()) -> [String] {
    var seen: Set<String> = []
    return folders.flatMap { folder in
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
            .filter { $0.hasSuffix(".safetensors") && !$0.hasPrefix(".") }
            .sorted()
            .filter { seen.insert($0).inserted }
            .map { "\(folder)/\($0)" }
    }
}

extension EncoderModel {
    /// The model that is used where none is named, and that this repository ships (models/README.md).
    public static let defaultName = "tilescout-aerial"
    /// The pretrained network that training starts from where none is named.
    public static let backboneName = "efficientnet-lite0"

    /// Loads a model by file path, by the name of a file in the search path (with or without `.safetensors`), or by the name
    /// that an installed model gives itself and the database knows it by.
    /// - Throws: `ModelFileError`; where there is none, it says where it looked and how to install one.
    public static func load(
        named name: String = defaultName, in folders: [String] = modelSearchPath()
    ) throws -> EncoderModel {
        if name.contains("/") || FileManager.default.fileExists(atPath: name) { return try load(path: name) }
        let file = name.hasSuffix(".safetensors") ? name : name + ".safetensors"
        let installed = installedModels(in: folders)
        guard let path = installed.first(where: { $0.hasSuffix("/\(file)") }) else {
            if let own = installed.lazy.compactMap({ try? load(path: $0) }).first(where: { $0.name == name }) { return own }
            throw ModelFileError(
                operation: "find model", path: name,
                reason: "no \(file) in \(folders.joined(separator: ", ")); scripts/setup installs the pretrained ones")
        }
        return try load(path: path)
    }
}
