import ArgumentParser

/// Exit statuses, after sysexits(3), which swift-argument-parser's own 64 for a wrong call comes from.
enum ExitStatus {
    /// The run completed, but some scenes failed; `tilescout failures` names them.
    static let someScenesFailed = ExitCode(2)
    /// More failed, or is gone, than the pipeline allows: nothing was published.
    static let refused = ExitCode(3)
    /// What was given is malformed, an area of interest, an image, a model; or not possible as things are: a published run cannot be published.
    static let badData = ExitCode(65)
    /// What was named does not exist: a folder, a tile id, a scene.
    static let noInput = ExitCode(66)
    /// The database cannot be reached, or went away.
    static let unavailable = ExitCode(69)
    /// A fault of Tilescout's own.
    static let software = ExitCode(70)
    /// A file, or standard output, cannot be written: permissions, a full disk.
    static let cannotWrite = ExitCode(74)
    /// Another run of the same pipeline, or of the same ingest, is under way.
    static let locked = ExitCode(75)
    /// The database or its extensions do not fit this version, or the role may not do this.
    static let incompatible = ExitCode(78)
}
